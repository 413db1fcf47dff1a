package main

import (
	"../../go_client/tap"
	"github.com/samuel/go-zookeeper/zk"
)

// The server stops and starts: records, a held lock, a waiter and a watch are all still there.
func checkRestart(server string) {
	holding := open(server, "/vitess/restart")
	waiting := open(server, "/vitess/restart")
	defer holding.close()
	defer waiting.close()
	for name, contents := range sample {
		_, err := holding.create(name, []byte(contents))
		tap.Must(err, "create")
	}
	lock, err := holding.lock(keyspace)
	tap.Must(err, "lock")
	queued, err := waiting.enter(keyspace+"/locks", "{}")
	tap.Must(err, "enter")
	acquired := make(chan error, 1)
	go func() { acquired <- queued.wait(nil) }()
	tap.Within("the second waits", func() error { <-queued.waits; return nil })
	_, _, watch, err := waiting.connection.GetW(waiting.path(served))
	tap.Must(err, "GetW")

	tap.Ask("stop the server")
	tap.Eventually("both clients notice", func() bool {
		return holding.connection.State() != zk.StateHasSession &&
			waiting.connection.State() != zk.StateHasSession
	})
	tap.Ask("start the server")
	tap.Eventually("both have their sessions back", func() bool {
		return holding.connection.State() == zk.StateHasSession &&
			waiting.connection.State() == zk.StateHasSession
	})
	for name, contents := range sample {
		data, version, err := holding.get(name)
		tap.Check(err == nil && version == 0 && string(data) == contents, "get %s: %v", name, err)
	}
	_, stat, err := holding.connection.Exists(lock.node)
	tap.Check(err == nil && stat.EphemeralOwner == holding.connection.SessionID(), "the lock is held")
	tap.Equal(0, len(acquired), "the number of waiters served meanwhile")
	tap.Error(nil, lock.leave(), "leave")
	tap.Within("the waiter gets the lock", func() error { return <-acquired })
	tap.Error(nil, queued.leave(), "leave")
	_, err = holding.update(served, []byte("new"), 0)
	tap.Error(nil, err, "update")
	tap.Event(watch, zk.EventNodeDataChanged, waiting.path(served), "the watch")
}
