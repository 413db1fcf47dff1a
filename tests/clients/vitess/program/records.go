package main

import (
	"fmt"
	"path"
	"strings"
	"sync"

	"../../go_client/tap"
	"github.com/samuel/go-zookeeper/zk"
)

func checkRecords(server string) {
	global := open(server, "/vitess/records")
	defer global.close()
	checkSample(global)
	checkVersions(global)
	checkFilesHaveNoChildren(global)
	checkRemoval(global)
	checkClosingOfDirectories(global)
	checkAuthentication(server, global)
	checkBurst(server, global)
}

func checkSample(global *topology) {
	for name, contents := range sample {
		version, err := global.create(name, []byte(contents))
		tap.Check(err == nil && version == 0, "create %s: %v", name, err)
	}
	for name, contents := range sample {
		data, version, err := global.get(name)
		tap.Check(err == nil && version == 0 && string(data) == contents, "get %s: %v", name, err)
	}
	_, err := global.create("keyspaces/product/Keyspace", nil)
	tap.Error(zk.ErrNodeExists, err, "create of a file that is there")
	_, _, err = global.get("keyspaces/none/Keyspace")
	tap.Error(zk.ErrNoNode, err, "get of a file that is not there")

	entries, err := global.list("keyspaces/customer")
	tap.Error(nil, err, "list")
	tap.Equal([]entry{{"Keyspace", false, false}, {"SrvKeyspace", false, false},
		{"VSchema", false, false}, {"shards", true, false}}, entries, "a keyspace's directory")
	entries, err = global.list("keyspaces/customer/shards")
	tap.Error(nil, err, "list")
	tap.Equal([]entry{{"-80", true, false}, {"80-", true, false}}, entries, "its shards")
	_, err = global.list("keyspaces/none")
	tap.Error(zk.ErrNoNode, err, "list of a directory that is not there")

	acl, _, err := global.connection.GetACL(global.path("keyspaces"))
	tap.Check(err == nil && acl[0].Perms == 31, "a directory's ACL: %v", acl)
	acl, _, err = global.connection.GetACL(global.path("SrvVSchema"))
	tap.Check(err == nil && acl[0].Perms == 19, "a file's ACL: %v", acl)
}

func checkVersions(global *topology) {
	shard := "keyspaces/product/shards/0/Shard"
	version, err := global.update(shard, []byte("\x38\x00"), 0)
	tap.Check(version == 1 && err == nil, "update at the version read: %v", err)
	_, err = global.update(shard, nil, 0)
	tap.Error(zk.ErrBadVersion, err, "update at an old version")
	version, err = global.update(shard, nil, anyVersion)
	tap.Check(version == 2 && err == nil, "update at any version: %v", err)
	version, err = global.update("metadata/key", []byte("text"), anyVersion)
	tap.Check(version == 0 && err == nil, "update of a file that is not there: %v", err)
	_, err = global.update("metadata/other", nil, 3)
	tap.Error(zk.ErrNoNode, err, "update at a version of a file that is not there")
}

func checkFilesHaveNoChildren(global *topology) {
	_, err := global.create("SrvVSchema/below", nil)
	tap.Error(zk.ErrNoAuth, err, "create below a file")
	_, err = global.enter("SrvVSchema", "")
	tap.Error(zk.ErrNoAuth, err, "a lock below a file")
}

func checkRemoval(global *topology) {
	_, err := global.create("a/b/c/File", nil)
	tap.Error(nil, err, "create")
	_, err = global.create("a/Other", nil)
	tap.Error(nil, err, "create")
	tap.Error(zk.ErrBadVersion, global.remove("a/b/c/File", 4), "remove at a wrong version")
	tap.Error(nil, global.remove("a/b/c/File", 0), "remove")
	entries, err := global.list("a")
	tap.Check(err == nil && len(entries) == 1, "empty directories went with it: %v", entries)
	tap.Error(nil, global.remove("a/Other", anyVersion), "remove")
	_, err = global.list("a")
	tap.Error(zk.ErrNoNode, err, "the last directory went too")
	tap.Error(zk.ErrNoNode, global.remove("a/Other", anyVersion), "remove of nothing")
}

// Before a tree is deleted, its directories are closed to newcomers.
func checkClosingOfDirectories(global *topology) {
	_, err := global.create("closing/File", nil)
	tap.Error(nil, err, "create")
	closed := zk.WorldACL(zk.PermAdmin | zk.PermDelete | zk.PermRead)
	_, err = global.connection.SetACL(global.path("closing"), closed, anyVersion)
	tap.Error(nil, err, "a directory is closed")
	_, err = global.create("closing/Late", nil)
	tap.Error(zk.ErrNoAuth, err, "create in a closed directory")
	tap.Error(nil, global.remove("closing/File", anyVersion), "removal of its file and of itself")
}

// An operator may close a tree to all but one user; Vitess works on below it as that user, and
// gives its own files to the world as ever.
func checkAuthentication(server string, global *topology) {
	tap.Error(nil, global.makeDirectories(global.path("secret")), "a directory")
	_, err := global.connection.SetACL(global.path("secret"),
		zk.DigestACL(zk.PermAll, "vitess", "secret"), anyVersion)
	tap.Error(nil, err, "a tree is closed")
	_, err = global.create("secret/cells/east/CellInfo", nil)
	tap.Error(zk.ErrNoAuth, err, "create without the identity")
	user := open(server, global.root)
	defer user.close()
	tap.Error(nil, user.connection.AddAuth("digest", []byte("vitess:secret")), "AddAuth")
	_, err = user.create("secret/cells/east/CellInfo", nil)
	tap.Error(nil, err, "create as the user")
	acl, _, err := user.connection.GetACL(user.path("secret/cells/east/CellInfo"))
	tap.Check(err == nil && acl[0].Scheme == "world" && acl[0].Perms == 19, "its ACL: %v", acl)
	lock, err := user.lock("secret/keyspace")
	tap.Must(err, "lock as the user")
	tap.Error(nil, lock.leave(), "leave")
}

// A gate of Vitess reads all tablets at once, 32 or more requests in flight on one connection.
func checkBurst(server string, global *topology) {
	const readers, rounds = 64, 10
	gate := open(server, global.root)
	defer gate.close()
	var names []string
	for name := range sample {
		if strings.HasPrefix(name, "tablets/") {
			names = append(names, name)
		}
	}
	failures := make(chan string, readers*rounds)
	var group sync.WaitGroup
	for reader := 0; reader < readers; reader++ {
		group.Add(1)
		go func(reader int) {
			defer group.Done()
			for round := 0; round < rounds; round++ {
				name := names[(reader+round)%len(names)]
				data, _, err := gate.get(name)
				if err != nil || string(data) != sample[name] {
					failures <- fmt.Sprintf("%s: %v", path.Base(name), err)
				}
			}
		}(reader)
	}
	tap.Within("a burst of reads", func() error { group.Wait(); return nil })
	tap.Equal(0, len(failures), "the number of reads that went wrong")
}
