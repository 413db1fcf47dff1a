package main

import (
	"fmt"
	"strings"
	"sync"

	"../tap"
	"github.com/samuel/go-zookeeper/zk"
)

var openACL = zk.WorldACL(zk.PermAll)

func makeNode(connection *zk.Conn, path, data string) {
	_, err := connection.Create(path, []byte(data), 0, openACL)
	tap.Must(err, "create "+path)
}

func checkNodes(server string) {
	connection := tap.Connect(server)
	defer connection.Close()
	makeNode(connection, "/go-nodes", "")
	checkCreate(connection)
	checkProtected(connection)
	checkData(connection)
	checkChildren(connection)
	checkDelete(connection)
	checkParallel(connection)
}

func checkCreate(connection *zk.Conn) {
	create := func(path string, flags int32) (string, error) {
		return connection.Create(path, []byte("data"), flags, openACL)
	}
	path, err := create("/go-nodes/a", 0)
	tap.Error(nil, err, "Create")
	tap.Equal("/go-nodes/a", path, "the created path")
	_, err = create("/go-nodes/a", 0)
	tap.Error(zk.ErrNodeExists, err, "Create again")
	_, err = create("/go-nodes/no/a", 0)
	tap.Error(zk.ErrNoNode, err, "Create without parent")
	_, err = create("go-nodes", 0)
	tap.Error(zk.ErrInvalidPath, err, "Create, relative path")
	path, err = create("/go-nodes/s-", zk.FlagSequence)
	tap.Error(nil, err, "Create sequential")
	tap.Equal("/go-nodes/s-0000000001", path, "the sequential path")
	path, err = create("/go-nodes/", zk.FlagSequence|zk.FlagEphemeral)
	tap.Error(nil, err, "Create sequential, path ends in /")
	tap.Equal("/go-nodes/0000000002", path, "the sequential path")
	_, err = create("/go-nodes/e", zk.FlagEphemeral)
	tap.Error(nil, err, "Create ephemeral")
	_, err = create("/go-nodes/e/f", 0)
	tap.Error(zk.ErrNoChildrenForEphemerals, err, "Create below an ephemeral node")
	_, stat, err := connection.Exists("/go-nodes/e")
	tap.Error(nil, err, "Exists")
	tap.Equal(connection.SessionID(), stat.EphemeralOwner, "the owner")
}

func checkProtected(connection *zk.Conn) {
	path, err := connection.CreateProtectedEphemeralSequential("/go-nodes/p-", nil, openACL)
	tap.Error(nil, err, "CreateProtectedEphemeralSequential")
	tap.Check(strings.HasPrefix(path, "/go-nodes/_c_") && strings.HasSuffix(path, "-p-0000000004"),
		"the protected path is %s", path)
}

func checkData(connection *zk.Conn) {
	data, stat, err := connection.Get("/go-nodes/a")
	tap.Error(nil, err, "Get")
	tap.Equal("data", string(data), "the data")
	tap.Check(stat.Version == 0 && stat.DataLength == 4 && stat.Czxid > 0 &&
		stat.Czxid == stat.Mzxid && stat.Czxid == stat.Pzxid && stat.Ctime == stat.Mtime &&
		stat.EphemeralOwner == 0, "the Stat of a new node: %+v", *stat)
	changed, err := connection.Set("/go-nodes/a", []byte("new"), 0)
	tap.Error(nil, err, "Set at version 0")
	tap.Check(changed.Version == 1 && changed.DataLength == 3 && changed.Czxid == stat.Czxid &&
		changed.Mzxid > stat.Mzxid && changed.Pzxid == stat.Pzxid, "the Stat after a change")
	_, err = connection.Set("/go-nodes/a", nil, 0)
	tap.Error(zk.ErrBadVersion, err, "Set at an old version")
	_, err = connection.Set("/go-nodes/missing", nil, -1)
	tap.Error(zk.ErrNoNode, err, "Set, missing node")
	_, err = connection.Set("/go-nodes/a", nil, -1)
	tap.Error(nil, err, "Set of nothing")
	data, _, err = connection.Get("/go-nodes/a")
	tap.Error(nil, err, "Get of nothing")
	tap.Equal(0, len(data), "the size of no data")
	_, _, err = connection.Get("/go-nodes/missing")
	tap.Error(zk.ErrNoNode, err, "Get, missing node")
	exists, _, err := connection.Exists("/go-nodes/missing")
	tap.Check(!exists && err == nil, "Exists, missing node")
	path, err := connection.Sync("/go-nodes")
	tap.Error(nil, err, "Sync")
	tap.Equal("/go-nodes", path, "the path that Sync answers")
}

func checkChildren(connection *zk.Conn) {
	makeNode(connection, "/go-nodes/parent", "")
	makeNode(connection, "/go-nodes/parent/x", "")
	makeNode(connection, "/go-nodes/parent/y", "")
	children, stat, err := connection.Children("/go-nodes/parent")
	tap.Error(nil, err, "Children")
	tap.Check(len(children) == 2 && strings.Contains("x y x", strings.Join(children, " ")),
		"the names are %v", children)
	tap.Check(stat.NumChildren == 2 && stat.Cversion == 2 && stat.Pzxid > stat.Czxid,
		"the Stat of a parent")
	_, _, err = connection.Children("/go-nodes/missing")
	tap.Error(zk.ErrNoNode, err, "Children, missing node")
}

func checkDelete(connection *zk.Conn) {
	tap.Error(zk.ErrNotEmpty, connection.Delete("/go-nodes/parent", -1), "Delete of a parent")
	tap.Error(zk.ErrBadVersion, connection.Delete("/go-nodes/parent/x", 5), "Delete, bad version")
	tap.Error(nil, connection.Delete("/go-nodes/parent/x", 0), "Delete at version 0")
	tap.Error(zk.ErrNoNode, connection.Delete("/go-nodes/parent/x", -1), "Delete again")
}

// Many goroutines use one connection: replies must reach those who asked.
func checkParallel(connection *zk.Conn) {
	const workers, rounds = 32, 20
	var group sync.WaitGroup
	wrong := make(chan string, workers*rounds)
	for worker := 0; worker < workers; worker++ {
		group.Add(1)
		go func(worker int) {
			defer group.Done()
			path := fmt.Sprintf("/go-nodes/worker-%d", worker)
			_, err := connection.Create(path, nil, zk.FlagEphemeral, openACL)
			for round := 0; err == nil && round < rounds; round++ {
				text := fmt.Sprintf("%d-%d", worker, round)
				_, err = connection.Set(path, []byte(text), int32(round))
				data, _, getErr := connection.Get(path)
				if getErr != nil || string(data) != text {
					wrong <- fmt.Sprintf("%s: %q, %v", text, data, getErr)
				}
			}
			if err != nil {
				wrong <- err.Error()
			}
		}(worker)
	}
	group.Wait()
	close(wrong)
	for complaint := range wrong {
		tap.Check(false, "a parallel worker: %s", complaint)
	}
	tap.Check(true, "parallel workers have read their own writes")
}
