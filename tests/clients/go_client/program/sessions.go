package main

import (
	"net"
	"time"

	"../tap"
	"github.com/samuel/go-zookeeper/zk"
)

func checkSessions(server string) {
	connection := tap.Connect(server)
	tap.Check(connection.SessionID() > 0, "SessionID is positive")
	tap.Equal(zk.StateHasSession, connection.State(), "State")
	tap.Equal(server, connection.Server(), "Server")
	makeNode(connection, "/go-sessions", "")
	_, err := connection.Create("/go-sessions/mine", nil, zk.FlagEphemeral, openACL)
	tap.Error(nil, err, "Create ephemeral")

	other := tap.Connect(server)
	defer other.Close()
	_, _, watch, err := other.ExistsW("/go-sessions/mine")
	tap.Error(nil, err, "ExistsW")
	connection.Close()
	tap.Event(watch, zk.EventNodeDeleted, "/go-sessions/mine", "Close ends ephemeral nodes")
	checkOptions(server)
}

func checkOptions(server string) {
	dialled := make(chan string, 10)
	connection, events, err := zk.ConnectWithDialer([]string{server}, tap.SessionTimeout,
		func(network, address string, timeout time.Duration) (net.Conn, error) {
			dialled <- address
			return net.DialTimeout(network, address, timeout)
		})
	tap.Must(err, "ConnectWithDialer")
	defer connection.Close()
	connection.SetLogger(quiet{})
	tap.Equal(server, <-dialled, "the address dialled")
	for _, wanted := range []zk.State{zk.StateConnecting, zk.StateConnected, zk.StateHasSession} {
		select {
		case event := <-events:
			tap.Equal(wanted, event.State, "the state announced")
		case <-time.After(tap.Deadline):
			tap.Check(false, "state %v is not announced", wanted)
		}
	}

	small, _, err := zk.Connect([]string{server}, tap.SessionTimeout, zk.WithLogger(quiet{}),
		zk.WithLogInfo(false), zk.WithHostProvider(&zk.DNSHostProvider{}),
		zk.WithMaxBufferSize(1<<20), zk.WithMaxConnBufferSize(1<<20))
	tap.Must(err, "Connect with buffer sizes")
	defer small.Close()
	exists, _, err := small.Exists("/go-sessions")
	tap.Check(exists && err == nil, "a client with all options works")
}

type quiet struct{}

func (quiet) Printf(string, ...interface{}) {}
