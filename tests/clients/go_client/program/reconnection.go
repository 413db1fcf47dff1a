package main

import (
	"../tap"
	"github.com/samuel/go-zookeeper/zk"
)

// The server stops and starts again: the session goes on, with its nodes, credentials and watches.
func checkReconnection(server string) {
	connection := tap.Connect(server)
	defer connection.Close()
	tap.Error(nil, connection.AddAuth("digest", []byte("me:secret")), "AddAuth")
	makeNode(connection, "/go-again", "")
	makeNode(connection, "/go-again/data", "")
	_, err := connection.Create("/go-again/own", []byte("x"), 0, zk.AuthACL(zk.PermAll))
	tap.Error(nil, err, "a private node")
	_, err = connection.Create("/go-again/mine", nil, zk.FlagEphemeral, openACL)
	tap.Error(nil, err, "an ephemeral node")
	session := connection.SessionID()
	_, _, data, err := connection.GetW("/go-again/data")
	tap.Error(nil, err, "GetW")
	_, _, creation, err := connection.ExistsW("/go-again/later")
	tap.Error(nil, err, "ExistsW")
	_, _, children, err := connection.ChildrenW("/go-again")
	tap.Error(nil, err, "ChildrenW")

	tap.Ask("stop the server")
	tap.Eventually("the client notices", func() bool {
		return connection.State() != zk.StateHasSession
	})
	_, _, err = connection.Get("/go-again/data")
	tap.Check(err != nil, "a call without a server: %v", err)
	tap.Ask("start the server")
	tap.Eventually("the client has its session back", func() bool {
		return connection.State() == zk.StateHasSession
	})
	tap.Equal(session, connection.SessionID(), "the session")
	exists, stat, err := connection.Exists("/go-again/mine")
	tap.Check(exists && err == nil && stat.EphemeralOwner == session, "the ephemeral node")
	_, _, err = connection.Get("/go-again/own")
	tap.Error(nil, err, "the private node can be read: the client has sent its credentials again")

	other := tap.Connect(server)
	defer other.Close()
	set(other, "/go-again/data")
	tap.Event(data, zk.EventNodeDataChanged, "/go-again/data", "the data watch")
	makeNode(other, "/go-again/later", "")
	tap.Event(creation, zk.EventNodeCreated, "/go-again/later", "the exists watch")
	tap.Event(children, zk.EventNodeChildrenChanged, "/go-again", "the children watch")
}
