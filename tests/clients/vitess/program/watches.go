package main

import (
	"fmt"
	"sync"

	"../../go_client/tap"
	"github.com/samuel/go-zookeeper/zk"
)

const served = "SrvVSchema"

// follow watches a file as gates do: on any event it reads again, until it reads what comes last or
// the file is gone. It calls ready once the first watch is set.
func (t *topology) follow(name, last string, ready func()) error {
	var once sync.Once
	for {
		data, _, watch, err := t.connection.GetW(t.path(name))
		if err == zk.ErrNoNode {
			return nil
		}
		if err != nil {
			return err
		}
		once.Do(ready)
		if string(data) == last {
			return nil
		}
		if event := <-watch; event.Err != nil {
			return event.Err
		}
	}
}

func checkWatches(server string) {
	writer := open(server, "/vitess/watches")
	defer writer.close()
	_, err := writer.create(served, []byte("0"))
	tap.Must(err, "create")
	checkFanOut(server, writer)
	checkEndOfFile(server, writer)
	checkChildren(server, writer)
}

// Many gates follow one file through a series of changes; each must see the last one.
func checkFanOut(server string, writer *topology) {
	const gates, changes = 30, 20
	last := fmt.Sprint(changes)
	var ready, done sync.WaitGroup
	failures := make(chan error, gates)
	for gate := 0; gate < gates; gate++ {
		ready.Add(1)
		done.Add(1)
		go func() {
			defer done.Done()
			reader := open(server, writer.root)
			defer reader.close()
			if err := reader.follow(served, last, ready.Done); err != nil {
				failures <- err
			}
		}()
	}
	tap.Within("all gates watch", func() error { ready.Wait(); return nil })
	for change := 1; change <= changes; change++ {
		version, err := writer.update(served, []byte(fmt.Sprint(change)), int32(change-1))
		tap.Check(err == nil && version == int32(change), "update %d: %v", change, err)
	}
	tap.Within("all gates see the last change", func() error { done.Wait(); return nil })
	tap.Equal(0, len(failures), "the number of gates that failed")
}

func checkEndOfFile(server string, writer *topology) {
	reader := open(server, writer.root)
	defer reader.close()
	ready := make(chan struct{})
	ended := make(chan error, 1)
	go func() { ended <- reader.follow(served, "never", func() { close(ready) }) }()
	tap.Within("a gate watches", func() error { <-ready; return nil })
	tap.Error(nil, writer.remove(served, anyVersion), "remove")
	tap.Within("the watch ends with the file", func() error { return <-ended })
}

// A tool may wait for a directory to change.
func checkChildren(server string, writer *topology) {
	reader := open(server, writer.root)
	defer reader.close()
	tap.Error(nil, writer.makeDirectories(writer.path("tablets")), "a directory")
	_, _, watch, err := reader.connection.ChildrenW(reader.path("tablets"))
	tap.Error(nil, err, "ChildrenW")
	_, err = writer.create("tablets/east-0000000101/Tablet", nil)
	tap.Error(nil, err, "create")
	tap.Event(watch, zk.EventNodeChildrenChanged, reader.path("tablets"), "a new tablet")
}
