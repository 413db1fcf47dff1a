package main

import (
	"fmt"

	"../tap"
	"github.com/samuel/go-zookeeper/zk"
)

func set(connection *zk.Conn, path string) {
	_, err := connection.Set(path, []byte("x"), -1)
	tap.Must(err, "set "+path)
}

func checkWatches(server string) {
	watching := tap.Connect(server)
	changing := tap.Connect(server)
	defer watching.Close()
	defer changing.Close()
	makeNode(changing, "/go-watch", "")
	checkDataWatch(watching, changing)
	checkExistsWatch(watching, changing)
	checkChildrenWatch(watching, changing)
	checkManyWatches(watching, changing)
}

func checkDataWatch(watching, changing *zk.Conn) {
	makeNode(changing, "/go-watch/data", "old")
	data, _, watch, err := watching.GetW("/go-watch/data")
	tap.Error(nil, err, "GetW")
	tap.Equal("old", string(data), "the data")
	set(changing, "/go-watch/data")
	tap.Event(watch, zk.EventNodeDataChanged, "/go-watch/data", "GetW")
	_, _, watch, err = watching.GetW("/go-watch/data")
	tap.Error(nil, err, "GetW")
	tap.Must(changing.Delete("/go-watch/data", -1), "delete")
	tap.Event(watch, zk.EventNodeDeleted, "/go-watch/data", "GetW, deletion")
	_, _, _, err = watching.GetW("/go-watch/data")
	tap.Error(zk.ErrNoNode, err, "GetW, missing node")
}

func checkExistsWatch(watching, changing *zk.Conn) {
	exists, _, watch, err := watching.ExistsW("/go-watch/new")
	tap.Check(!exists && err == nil, "ExistsW, missing node")
	makeNode(changing, "/go-watch/new", "")
	tap.Event(watch, zk.EventNodeCreated, "/go-watch/new", "ExistsW, creation")
	exists, _, watch, err = watching.ExistsW("/go-watch/new")
	tap.Check(exists && err == nil, "ExistsW, existing node")
	set(changing, "/go-watch/new")
	tap.Event(watch, zk.EventNodeDataChanged, "/go-watch/new", "ExistsW, change")
}

func checkChildrenWatch(watching, changing *zk.Conn) {
	makeNode(changing, "/go-watch/parent", "")
	children, _, watch, err := watching.ChildrenW("/go-watch/parent")
	tap.Check(len(children) == 0 && err == nil, "ChildrenW, no children")
	makeNode(changing, "/go-watch/parent/c", "")
	tap.Event(watch, zk.EventNodeChildrenChanged, "/go-watch/parent", "ChildrenW, creation")
	children, _, watch, err = watching.ChildrenW("/go-watch/parent")
	tap.Check(len(children) == 1 && err == nil, "ChildrenW, one child")
	set(changing, "/go-watch/parent/c")
	tap.Must(changing.Delete("/go-watch/parent/c", -1), "delete")
	tap.Event(watch, zk.EventNodeChildrenChanged, "/go-watch/parent", "ChildrenW, deletion")
	_, _, watch, err = watching.ChildrenW("/go-watch/parent")
	tap.Error(nil, err, "ChildrenW")
	tap.Must(changing.Delete("/go-watch/parent", -1), "delete")
	tap.Event(watch, zk.EventNodeDeleted, "/go-watch/parent", "ChildrenW, the parent's deletion")
}

// One change, many watches of as many nodes of one session.
func checkManyWatches(watching, changing *zk.Conn) {
	const count = 100
	watches := make(map[string]<-chan zk.Event, count)
	for i := 0; i < count; i++ {
		path := fmt.Sprintf("/go-watch/many-%d", i)
		_, _, watch, err := watching.ExistsW(path)
		tap.Must(err, "ExistsW")
		watches[path] = watch
	}
	for path := range watches {
		makeNode(changing, path, "")
	}
	for path, watch := range watches {
		tap.Event(watch, zk.EventNodeCreated, path, "one of many")
	}
}
