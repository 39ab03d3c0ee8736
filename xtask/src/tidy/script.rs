//! The words and signs of TypeScript, as far as rules need them: comments and the text of strings
//! fall away, and of a Svelte component only scripts and the expressions of its markup are left.
//!
//! It is no parser. It knows where strings, templates and regular expressions end, which is enough
//! to never take a text for code.

/// One word or sign.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Token<'a> {
    pub kind: Kind<'a>,
    /// Counted from 1.
    pub line: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind<'a> {
    /// A name or a keyword.
    Word(&'a str),
    Number(&'a str),
    /// Without its quotes.
    Text(&'a str),
    Sign(&'a str),
}

impl<'a> Token<'a> {
    /// Whether it is this sign.
    pub fn is(&self, sign: &str) -> bool {
        self.kind == Kind::Sign(sign)
    }

    /// The name, if it is one.
    pub fn word(&self) -> Option<&'a str> {
        match self.kind {
            Kind::Word(word) => Some(word),
            Kind::Number(_) | Kind::Text(_) | Kind::Sign(_) => None,
        }
    }
}

/// Longest first.
const SIGNS: &[&str] = &[
    ">>>=", "===", "!==", ">>>", "<<=", ">>=", "...", "**=", "&&=", "||=", "??=", "=>", "==", "!=",
    "<=", ">=", "&&", "||", "??", "?.", "++", "--", "+=", "-=", "*=", "/=", "%=", "<<", ">>", "**",
];
/// After these words an expression begins, so that `/` is no division.
const BEFORE_EXPRESSION: &[&str] =
    &["return", "typeof", "case", "in", "of", "if", "else", "do", "void", "throw"];

/// The tokens of a file of TypeScript.
pub fn typescript(text: &str) -> Vec<Token<'_>> {
    let mut lexer = Lexer { text, at: 0, line: 1, tokens: Vec::new() };
    while lexer.at < text.len() {
        lexer.code();
        // A brace too many is the compiler's to find.
        lexer.skip(1);
    }
    lexer.tokens
}

/// The tokens of a Svelte component: its scripts, and every expression of its markup.
pub fn svelte(text: &str) -> Vec<Token<'_>> {
    let mut lexer = Lexer { text, at: 0, line: 1, tokens: Vec::new() };
    while lexer.at < text.len() {
        let rest = lexer.rest();
        if rest.starts_with("<!--") {
            lexer.skip_to("-->");
        } else if rest.starts_with("<style") {
            lexer.skip_to("</style>");
        } else if rest.starts_with("<script") {
            lexer.skip_to(">");
            let end = lexer.rest().find("</script>").unwrap_or(lexer.rest().len());
            let line = lexer.line;
            let inner = typescript(&lexer.rest()[..end]);
            lexer.tokens.extend(
                inner.into_iter().map(|token| Token { line: token.line + line - 1, ..token }),
            );
            lexer.skip(end);
            lexer.separate();
        } else if rest.starts_with('{') {
            lexer.skip(1);
            // `{#if`, `{:else`, `{/if}`, `{@const`.
            if lexer.rest().starts_with(['#', ':', '/', '@']) {
                lexer.skip(1);
            }
            lexer.code();
            lexer.skip(1);
            lexer.separate();
        } else {
            lexer.skip(1);
        }
    }
    lexer.tokens
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    line: usize,
    tokens: Vec<Token<'a>>,
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    /// Goes on by at least `bytes`, to the next beginning of a character.
    fn skip(&mut self, bytes: usize) {
        let from = self.at;
        self.at = (from + bytes).min(self.text.len());
        while !self.text.is_char_boundary(self.at) {
            self.at += 1;
        }
        self.line += self.text[from..self.at].matches('\n').count();
    }

    /// Goes on behind `end`, or to the end of the text.
    fn skip_to(&mut self, end: &str) {
        let bytes = self.rest().find(end).map_or(self.rest().len(), |at| at + end.len());
        self.skip(bytes);
    }

    fn push(&mut self, kind: Kind<'a>, bytes: usize) {
        self.tokens.push(Token { kind, line: self.line });
        self.skip(bytes);
    }

    /// Keeps what follows from being read as a continuation.
    fn separate(&mut self) {
        self.tokens.push(Token { kind: Kind::Sign(";"), line: self.line });
    }

    /// Reads up to a closing brace that was not opened here, or the end.
    fn code(&mut self) {
        let mut depth = 0_usize;
        while let Some(next) = self.rest().chars().next() {
            let rest = self.rest();
            match next {
                '}' if depth == 0 => return,
                '{' | '}' => {
                    depth = if next == '{' { depth + 1 } else { depth - 1 };
                    self.push(Kind::Sign(&rest[..1]), 1);
                }
                '\'' | '"' => self.string(next),
                '`' => self.template(),
                '/' if rest.starts_with("//") => self.skip_to("\n"),
                '/' if rest.starts_with("/*") => self.skip_to("*/"),
                '/' if self.expects_operand() => self.regular_expression(),
                '0'..='9' => {
                    let end = rest.find(|c: char| !c.is_alphanumeric() && c != '.' && c != '_');
                    let end = end.unwrap_or(rest.len());
                    self.push(Kind::Number(&rest[..end]), end);
                }
                c if is_word(c) => {
                    let end = rest.find(|c: char| !is_word(c)).unwrap_or(rest.len());
                    self.push(Kind::Word(&rest[..end]), end);
                }
                c if c.is_whitespace() => self.skip(c.len_utf8()),
                c => {
                    let long = SIGNS.iter().find(|sign| rest.starts_with(**sign));
                    let bytes = long.map_or(c.len_utf8(), |sign| sign.len());
                    self.push(Kind::Sign(&rest[..bytes]), bytes);
                }
            }
        }
    }

    fn string(&mut self, quote: char) {
        let rest = self.rest();
        let end = end_of(&rest[1..], quote);
        self.push(Kind::Text(&rest[1..=end]), end + 2);
    }

    /// The text of a template falls away; what is put into it is code.
    fn template(&mut self) {
        self.push(Kind::Text(""), 1);
        while let Some(next) = self.rest().chars().next() {
            match next {
                '`' => return self.skip(1),
                '\\' => self.skip(2),
                '$' if self.rest().starts_with("${") => {
                    self.skip(2);
                    self.separate();
                    self.code();
                    self.skip(1);
                    self.separate();
                }
                _ => self.skip(next.len_utf8()),
            }
        }
    }

    fn regular_expression(&mut self) {
        let rest = self.rest();
        let mut in_class = false;
        let mut escaped = false;
        let end = rest[1..].find(|c: char| {
            let ends = c == '\n' || (c == '/' && !in_class && !escaped);
            match c {
                '[' if !escaped => in_class = true,
                ']' if !escaped => in_class = false,
                _ => {}
            }
            escaped = c == '\\' && !escaped;
            ends
        });
        self.push(Kind::Text(""), end.map_or(rest.len(), |end| end + 2));
    }

    fn expects_operand(&self) -> bool {
        match self.tokens.last().map(|token| token.kind) {
            None => true,
            Some(Kind::Sign(sign)) => ![")", "]", "}"].contains(&sign),
            Some(Kind::Word(word)) => BEFORE_EXPRESSION.contains(&word),
            Some(Kind::Number(_) | Kind::Text(_)) => false,
        }
    }
}

/// Where the string ends that this is the inside of.
fn end_of(text: &str, quote: char) -> usize {
    let mut escaped = false;
    let end = text.find(|c: char| {
        let ends = c == quote && !escaped;
        escaped = c == '\\' && !escaped;
        ends
    });
    end.unwrap_or(text.len())
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '$'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(tokens: &[Token<'_>]) -> String {
        let shown = tokens.iter().map(|token| match token.kind {
            Kind::Word(text) | Kind::Number(text) | Kind::Sign(text) => text.to_owned(),
            Kind::Text(text) => format!("\"{text}\""),
        });
        shown.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn texts_and_comments_are_no_code() {
        let text = "a /* < b */ >= 'it\\'s' // < c\n? `x${d > `${e}` ? 1 : 2}y` : /[/\"]>/g;";
        let tokens = typescript(text);
        assert_eq!(shown(&tokens), "a >= \"it\\'s\" ? \"\" ; d > \"\" ; e ; ? 1 : 2 ; : \"\" g ;");
        assert_eq!(tokens.last().map(|token| token.line), Some(2));
        assert_eq!(shown(&typescript("a / b / c")), "a / b / c");
    }

    #[test]
    fn markup_is_no_code_but_its_expressions_are() {
        let text = "<script lang=\"ts\">\n  let a = 1;\n</script>\n<!-- {b} -->\n<p title={c}>zxid > \
                    'd</p>\n{#if e < f}{g}{/if}\n<style>p { h: i }</style>";
        let tokens = svelte(text);
        assert_eq!(shown(&tokens), "let a = 1 ; ; c ; if e < f ; g ; if ;");
        assert_eq!(tokens[1].line, 2);
        assert_eq!(tokens.last().map(|token| token.line), Some(6));
    }
}
