"""Tests of the client protocol, frame by frame, against one server."""
