// Ends every run with the plain line that CI counts tests by; a suite that could not load counts as a failure.
export default class Tally {
  onRunComplete(_, { numPassedTests, numFailedTests, numRuntimeErrorTestSuites }) {
    console.log(`${numPassedTests} passed, ${numFailedTests + numRuntimeErrorTestSuites} failed`);
  }
}
