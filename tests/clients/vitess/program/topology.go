package main

import (
	"errors"
	"path"
	"sort"
	"sync"

	"github.com/samuel/go-zookeeper/zk"
)

// What may be done with a directory and with a file. A file has no children, and the server sees to
// that: nobody has the permission to create below it.
var (
	directoryACL = zk.WorldACL(zk.PermAll)
	fileACL      = zk.WorldACL(zk.PermRead | zk.PermWrite | zk.PermAdmin)
)

// anyVersion means: whatever the version is.
const anyVersion = -1

// topology does with a server what Vitess's ZooKeeper plug-in does: files of records in
// directories, all below a root. It may be used from many goroutines.
type topology struct {
	connection *zk.Conn
	root       string
}

type entry struct {
	name        string
	isDirectory bool
	isEphemeral bool
}

func (t *topology) path(name string) string { return path.Join(t.root, name) }

// makeDirectories creates a directory and those above it, from the bottom up.
func (t *topology) makeDirectories(directory string) error {
	_, err := t.connection.Create(directory, nil, 0, directoryACL)
	if err == zk.ErrNoNode {
		if err = t.makeDirectories(path.Dir(directory)); err != nil {
			return err
		}
		_, err = t.connection.Create(directory, nil, 0, directoryACL)
	}
	if err == zk.ErrNodeExists {
		return nil
	}
	return err
}

// createWithParents creates a node; directories above it are made when they are missing.
func (t *topology) createWithParents(node string, data []byte, flags int32) (string, error) {
	created, err := t.connection.Create(node, data, flags, fileACL)
	if err == zk.ErrNoNode {
		parent := path.Dir(node)
		if err = t.makeDirectories(parent); err != nil {
			return "", err
		}
		created, err = t.connection.Create(node, data, flags, fileACL)
	}
	return created, err
}

// create makes a file and answers its version, which takes a second request.
func (t *topology) create(name string, data []byte) (int32, error) {
	if _, err := t.createWithParents(t.path(name), data, 0); err != nil {
		return 0, err
	}
	stored, stat, err := t.connection.Get(t.path(name))
	if err != nil {
		return 0, err
	}
	if string(stored) != string(data) {
		return 0, errors.New("the file was changed between its creation and its reading")
	}
	return stat.Version, nil
}

// update writes a file; with anyVersion also one that is not there yet.
func (t *topology) update(name string, data []byte, version int32) (int32, error) {
	stat, err := t.connection.Set(t.path(name), data, version)
	if err == zk.ErrNoNode && version == anyVersion {
		return t.create(name, data)
	}
	if err != nil {
		return 0, err
	}
	return stat.Version, nil
}

func (t *topology) get(name string) ([]byte, int32, error) {
	data, stat, err := t.connection.Get(t.path(name))
	if err != nil {
		return nil, 0, err
	}
	return data, stat.Version, nil
}

// remove deletes a file, then the directories above it that have become empty.
func (t *topology) remove(name string, version int32) error {
	if err := t.connection.Delete(t.path(name), version); err != nil {
		return err
	}
	return t.removeEmptyParents(t.path(name))
}

func (t *topology) removeEmptyParents(node string) error {
	for parent := path.Dir(node); parent != t.root; parent = path.Dir(parent) {
		switch err := t.connection.Delete(parent, anyVersion); err {
		case nil:
		case zk.ErrNotEmpty, zk.ErrNoNode:
			return nil
		default:
			return err
		}
	}
	return nil
}

// list tells the names in a directory and what they are, reading all of them at once. What is gone
// meanwhile is left as a nameless entry, and elections are not read: nobody keeps a file there.
func (t *topology) list(directory string) ([]entry, error) {
	names, _, err := t.connection.Children(t.path(directory))
	if err != nil {
		return nil, err
	}
	sort.Strings(names)
	entries := make([]entry, len(names))
	var group sync.WaitGroup
	for place := range names {
		if directory == "" && names[place] == "elections" {
			entries[place] = entry{"elections", true, true}
			continue
		}
		group.Add(1)
		go func(place int) {
			defer group.Done()
			_, stat, err := t.connection.Get(t.path(path.Join(directory, names[place])))
			if err == nil {
				entries[place] = entry{names[place], stat.NumChildren > 0, stat.EphemeralOwner != 0}
			}
		}(place)
	}
	group.Wait()
	return entries, nil
}

// blocking reads whose lock it probably is that others wait for.
func (t *topology) blocking(directory string) (string, error) {
	queue := path.Join(directory, "locks")
	names, _, err := t.connection.Children(t.path(queue))
	if err != nil || len(names) == 0 {
		return "", err
	}
	sort.Strings(names)
	data, _, err := t.connection.Get(t.path(path.Join(queue, names[0])))
	return string(data), err
}
