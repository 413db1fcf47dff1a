// The groups of checks. Each opens its own sessions on `server` ("host:port") and works below a
// root of its own, so that groups can run in any order on one server.

#pragma once

void check_connection(const char* server, const char* program);
void check_sync_calls(const char* server);
void check_async_calls(const char* server);
void check_watches(const char* server);
void check_removal_of_watches(const char* server);
void check_acls(const char* server);
void check_multi(const char* server);
void check_reconnection(const char* server);
void check_failover(const char* servers);

// Opens a session, makes the ephemeral node `path`, prints the session's identity and ends the
// process without closing the session. Never returns.
void abandon_session(const char* server, const char* path);
