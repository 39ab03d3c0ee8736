//! Dates as `zkCli.sh` prints them, in the zone of the user.

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use zablab_core::types::WallMs;

/// Such as `Sun Nov 22 21:19:21 UTC 2026`.
pub fn date(at: WallMs) -> String {
    in_zone(at, TimeZone::system())
}

fn in_zone(at: WallMs, zone: TimeZone) -> String {
    match Timestamp::from_millisecond(at.0) {
        Ok(timestamp) => {
            let zoned: Zoned = timestamp.to_zoned(zone);
            zoned.strftime("%a %b %d %H:%M:%S %Z %Y").to_string()
        }
        // Beyond the year 9999; a server takes its leader's word for the time.
        Err(_) => format!("{} ms", at.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_javas() {
        let utc = |ms| in_zone(WallMs(ms), TimeZone::UTC);
        assert_eq!(utc(0), "Thu Jan 01 00:00:00 UTC 1970");
        assert_eq!(utc(1_795_382_361_999), "Sun Nov 22 21:19:21 UTC 2026");
        assert_eq!(utc(i64::MAX), format!("{} ms", i64::MAX));
        let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").expect("a zone");
        assert_eq!(in_zone(WallMs(0), zone), "Thu Jan 01 01:00:00 CET 1970");
    }
}
