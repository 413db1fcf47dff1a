"""What the client-side suites share: server processes, the wire codec, and the test runner."""
