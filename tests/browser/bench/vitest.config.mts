// The measurements: as the tests, but only on demand.
import tests from "../vitest.config.mjs";

export default { ...tests, test: { ...tests.test, include: ["bench/frames.ts"] } };
