package main

import (
	"errors"
	"path"
	"sort"
	"sync"

	"github.com/samuel/go-zookeeper/zk"
)

// What a lock says about itself.
const lockContents = `{
  "Action": "RebuildKeyspace",
  "HostName": "host-1",
  "UserName": "vitess",
  "Time": "2026-01-31T09:05:00Z",
  "Status": "Running",
  "Options": {}
}`

var errGivenUp = errors.New("given up while waiting")

// ticket is a place in a queue of ephemeral sequential nodes; the first in the queue has what it is
// for, a lock or a leadership.
type ticket struct {
	topology *topology
	node     string
	waits    chan struct{} // closed once the ticket watches the one before it
}

// enter takes a place at the end. The path ends in "/", so a node's name is its number alone.
func (t *topology) enter(queue string, contents string) (*ticket, error) {
	node, err := t.createWithParents(t.path(queue)+"/", []byte(contents),
		zk.FlagEphemeral|zk.FlagSequence)
	if err != nil {
		return nil, err
	}
	return &ticket{t, node, make(chan struct{})}, nil
}

// wait returns when the ticket is first, or when giveUp is closed; then its node is gone.
func (k *ticket) wait(giveUp <-chan struct{}) error {
	var once sync.Once
	for {
		names, _, err := k.topology.connection.Children(path.Dir(k.node))
		if err != nil {
			return err
		}
		sort.Strings(names)
		place := sort.SearchStrings(names, path.Base(k.node))
		if place == len(names) || names[place] != path.Base(k.node) {
			return errors.New("the own node is not in the queue")
		}
		if place == 0 {
			return nil
		}
		predecessor := path.Join(path.Dir(k.node), names[place-1])
		exists, _, watch, err := k.topology.connection.ExistsW(predecessor)
		if err != nil {
			return err
		}
		if !exists {
			continue
		}
		once.Do(func() { close(k.waits) })
		select {
		case <-watch:
		case <-giveUp:
			return k.abandon()
		}
	}
}

func (k *ticket) abandon() error {
	if err := k.topology.connection.Delete(k.node, anyVersion); err != nil {
		return err
	}
	return errGivenUp
}

// leave gives the place up, and removes the queue when nobody is left in it.
func (k *ticket) leave() error {
	if err := k.topology.connection.Delete(k.node, anyVersion); err != nil {
		return err
	}
	return k.topology.removeEmptyParents(k.node)
}

// lock takes the lock of a directory, however long that takes.
func (t *topology) lock(directory string) (*ticket, error) {
	taken, err := t.enter(path.Join(directory, "locks"), lockContents)
	if err != nil {
		return nil, err
	}
	if err := taken.wait(nil); err != nil {
		return nil, err
	}
	return taken, nil
}

// leader reads who leads an election: the contents of its first node.
func (t *topology) leader(election string) (string, error) {
	names, _, err := t.connection.Children(t.path(election))
	if err != nil || len(names) == 0 {
		return "", err
	}
	sort.Strings(names)
	data, _, err := t.connection.Get(path.Join(t.path(election), names[0]))
	return string(data), err
}
