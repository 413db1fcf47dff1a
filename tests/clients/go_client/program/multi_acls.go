package main

import (
	"errors"
	"strings"

	"../tap"
	"github.com/samuel/go-zookeeper/zk"
)

func checkMulti(server string) {
	connection := tap.Connect(server)
	defer connection.Close()
	makeNode(connection, "/go-multi", "")
	makeNode(connection, "/go-multi/old", "")
	results, err := connection.Multi(
		&zk.CreateRequest{Path: "/go-multi/a", Data: []byte("1"), Acl: openACL},
		&zk.CreateRequest{Path: "/go-multi/s-", Acl: openACL, Flags: zk.FlagSequence},
		&zk.CheckVersionRequest{Path: "/go-multi/a", Version: 0},
		&zk.SetDataRequest{Path: "/go-multi/a", Data: []byte("22"), Version: 0},
		&zk.DeleteRequest{Path: "/go-multi/old", Version: -1})
	tap.Error(nil, err, "Multi")
	tap.Equal(5, len(results), "the number of results")
	tap.Equal("/go-multi/a", results[0].String, "the first result")
	tap.Equal("/go-multi/s-0000000002", results[1].String, "the sequential path")
	tap.Check(results[3].Stat != nil && results[3].Stat.Version == 1 &&
		results[3].Stat.DataLength == 2, "the Stat of the set")
	_, stat, err := connection.Exists("/go-multi/a")
	tap.Check(err == nil && stat.Czxid == stat.Mzxid, "all operations have one zxid")

	results, err = connection.Multi(
		&zk.CreateRequest{Path: "/go-multi/never", Acl: openACL},
		&zk.SetDataRequest{Path: "/go-multi/a", Version: 77},
		&zk.DeleteRequest{Path: "/go-multi/a", Version: -1})
	tap.Error(zk.ErrBadVersion, err, "Multi that fails")
	tap.Check(len(results) == 3 && results[0].Error == nil &&
		results[1].Error == zk.ErrBadVersion && results[2].Error != nil,
		"its results tell which operation failed: %+v", results)
	exists, _, _ := connection.Exists("/go-multi/never")
	tap.Check(!exists, "it has done nothing")
	_, err = connection.Multi(errors.New("not an operation"))
	tap.Check(err != nil, "Multi of something else fails")
}

func checkACLs(server string) {
	owner := tap.Connect(server)
	stranger := tap.Connect(server)
	defer owner.Close()
	defer stranger.Close()
	makeNode(owner, "/go-acl", "x")
	acl, stat, err := owner.GetACL("/go-acl")
	tap.Error(nil, err, "GetACL")
	tap.Equal(openACL, acl, "the open ACL")
	tap.Equal(int32(0), stat.Aversion, "its version")
	_, err = owner.Create("/go-acl/own", nil, 0, zk.AuthACL(zk.PermAll))
	tap.Error(zk.ErrInvalidACL, err, "AuthACL without credentials")

	tap.Error(nil, owner.AddAuth("digest", []byte("me:secret")), "AddAuth")
	_, err = owner.Create("/go-acl/own", []byte("x"), 0, zk.AuthACL(zk.PermAll))
	tap.Error(nil, err, "AuthACL with credentials")
	acl, _, err = owner.GetACL("/go-acl/own")
	tap.Check(err == nil && len(acl) == 1 && acl[0].Scheme == "digest" &&
		strings.HasPrefix(acl[0].ID, "me:"), "the creator's ACL: %v", acl)
	tap.Equal(zk.DigestACL(zk.PermAll, "me", "secret"), acl, "DigestACL")

	_, _, err = stranger.Get("/go-acl/own")
	tap.Error(zk.ErrNoAuth, err, "a stranger's Get")
	_, err = stranger.SetACL("/go-acl/own", openACL, -1)
	tap.Error(zk.ErrNoAuth, err, "a stranger's SetACL")
	tap.Error(nil, stranger.AddAuth("digest", []byte("me:secret")), "AddAuth")
	_, _, err = stranger.Get("/go-acl/own")
	tap.Error(nil, err, "Get with credentials")

	stat, err = owner.SetACL("/go-acl", zk.WorldACL(zk.PermRead|zk.PermAdmin), 0)
	tap.Error(nil, err, "SetACL")
	tap.Equal(int32(1), stat.Aversion, "its version")
	_, err = owner.SetACL("/go-acl", openACL, 0)
	tap.Error(zk.ErrBadVersion, err, "SetACL at an old version")
	_, err = owner.Set("/go-acl", nil, -1)
	tap.Error(zk.ErrNoAuth, err, "Set of a read-only node")
	_, err = owner.Create("/go-acl/other", nil, 0, openACL)
	tap.Error(zk.ErrNoAuth, err, "Create below a read-only node")

	failing := tap.Connect(server)
	defer failing.Close()
	err = failing.AddAuth("no-such-scheme", []byte("x"))
	tap.Check(err == zk.ErrAuthFailed || err == zk.ErrConnectionClosed,
		"AddAuth with an unknown scheme: %v", err)
}
