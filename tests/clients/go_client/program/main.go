// Command program HOST:PORT GROUP makes the calls of the Go client and checks what they answer.
package main

import "../tap"

func main() {
	tap.Main(map[string]func(string){
		"acls":         checkACLs,
		"locks":        checkLocks,
		"multi":        checkMulti,
		"nodes":        checkNodes,
		"reconnection": checkReconnection,
		"sessions":     checkSessions,
		"watches":      checkWatches,
		"words":        checkWords,
	})
}
