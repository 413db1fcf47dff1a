#include "server/node/config_keys.h"

#include <gtest/gtest.h>

namespace topod::node {
namespace {

// Every key that ZooKeeper's administrator's guide names, whatever becomes of it.
constexpr std::string_view kKeysOfZooKeeper[] = {"dataDir",
                                                 "dataLogDir",
                                                 "clientPort",
                                                 "clientPortAddress",
                                                 "secureClientPort",
                                                 "secureClientPortAddress",
                                                 "observerMasterPort",
                                                 "tickTime",
                                                 "maxClientCnxns",
                                                 "maxCnxns",
                                                 "minSessionTimeout",
                                                 "maxSessionTimeout",
                                                 "initLimit",
                                                 "syncLimit",
                                                 "connectToLearnerMasterLimit",
                                                 "electionAlg",
                                                 "quorumListenOnAllIPs",
                                                 "peerType",
                                                 "syncEnabled",
                                                 "autopurge.snapRetainCount",
                                                 "autopurge.purgeInterval",
                                                 "standaloneEnabled",
                                                 "reconfigEnabled",
                                                 "localSessionsEnabled",
                                                 "localSessionsUpgradingEnabled",
                                                 "clientPortListenBacklog",
                                                 "sslQuorum",
                                                 "portUnification",
                                                 "sslQuorumReloadCertFiles",
                                                 "quorum.auth.enableSasl",
                                                 "quorum.auth.learnerRequireSasl",
                                                 "quorum.auth.serverRequireSasl",
                                                 "quorum.auth.learner.saslLoginContext",
                                                 "quorum.auth.kerberos.servicePrincipal",
                                                 "quorum.cnxn.threads.size",
                                                 "metricsProvider.className",
                                                 "metricsProvider.httpPort",
                                                 "metricsProvider.httpHost",
                                                 "metricsProvider.exportJvmInfo",
                                                 "metricsProvider.httpsPort",
                                                 "multiAddress.enabled",
                                                 "multiAddress.reachabilityCheckTimeoutMs",
                                                 "oraclePath",
                                                 "globalOutstandingLimit",
                                                 "maxResponseCacheSize",
                                                 "maxGetChildrenResponseCacheSize",
                                                 "snapCount",
                                                 "snapSizeLimitInKb",
                                                 "txnLogSizeLimitInKb",
                                                 "preAllocSize",
                                                 "commitLogCount",
                                                 "snapshotSizeFactor",
                                                 "fsync.warningthresholdms",
                                                 "forceSync",
                                                 "flushDelay",
                                                 "maxBatchSize",
                                                 "maxWriteQueuePollTime",
                                                 "request_throttle_max_requests",
                                                 "request_throttle_stall_time",
                                                 "request_throttle_drop_stale",
                                                 "request_stale_latency_check",
                                                 "request_stale_connection_check",
                                                 "throttled_op_wait_time",
                                                 "largeRequestMaxBytes",
                                                 "largeRequestThreshold",
                                                 "connection_throttle_tokens",
                                                 "connection_throttle_fill_time",
                                                 "enforceQuota",
                                                 "digest.enabled",
                                                 "closeSessionTxn.enabled",
                                                 "extendedTypesEnabled",
                                                 "emulate353TTLNodes",
                                                 "skipACL",
                                                 "DigestAuthenticationProvider.superDigest",
                                                 "DigestAuthenticationProvider.enabled",
                                                 "DigestAuthenticationProvider.digestAlg",
                                                 "X509AuthenticationProvider.superUser",
                                                 "superUser",
                                                 "superUser.1",
                                                 "letAnySaslUserDoX",
                                                 "ssl.authProvider",
                                                 "enforce.auth.enabled",
                                                 "enforce.auth.schemes",
                                                 "sessionRequireClientSASLAuth",
                                                 "allowSaslFailedClients",
                                                 "enableEagerACLCheck",
                                                 "ensembleAuthName",
                                                 "4lw.commands.whitelist",
                                                 "admin.enableServer",
                                                 "admin.serverPort",
                                                 "admin.serverAddress",
                                                 "admin.commandURL",
                                                 "admin.idleTimeout",
                                                 "admin.needClientAuth",
                                                 "admin.forceHttps",
                                                 "admin.portUnification",
                                                 "admin.snapshot.enabled",
                                                 "admin.rateLimiterIntervalInMS",
                                                 "leaderServes",
                                                 "cnxTimeout",
                                                 "quorumCnxnTimeoutMs",
                                                 "electionPortBindRetry",
                                                 "fastleader.minNotificationInterval",
                                                 "leader.maxTimeToWaitForEpoch",
                                                 "leader.maxConcurrentSnapSyncs",
                                                 "learner.asyncSending",
                                                 "leaderConnectDelayDuringRetryMs",
                                                 "observer.reconnectDelayMs",
                                                 "tcpKeepAlive",
                                                 "clientTcpKeepAlive",
                                                 "nio.sessionlessCnxnTimeout",
                                                 "watchManagerName",
                                                 "watcherCleanThreadsNum",
                                                 "bitHashCacheSize",
                                                 "datadir.autocreate",
                                                 "db.autocreate",
                                                 "snapshot.trust.empty",
                                                 "snapshot.compression.method",
                                                 "serializeLastProcessedZxid.enabled",
                                                 "audit.enable",
                                                 "readonlymode.enabled",
                                                 "jute.maxbuffer",
                                                 "jute.maxbuffer.extrasize",
                                                 "znode.container.checkIntervalMs",
                                                 "znode.container.maxPerMinute",
                                                 "znode.container.maxNeverUsedIntervalMs",
                                                 "messageTracker.BufferSize",
                                                 "pathStats.enabled",
                                                 "netty.advancedFlowControl.enabled",
                                                 "nio.numSelectorThreads",
                                                 "commitProcessor.numWorkerThreads",
                                                 "intBufferStartingSizeBytes",
                                                 "jmx.log4j.disable",
                                                 "ssl.keyStore.location",
                                                 "ssl.quorum.trustStore.password",
                                                 "client.portUnification",
                                                 "fips-mode",
                                                 "serverCnxnFactory",
                                                 "authProvider.1"};

TEST(ConfigKeys, EveryKeyOfZooKeeperIsKnown) {
  for (const std::string_view key : kKeysOfZooKeeper) {
    EXPECT_TRUE(find_applied_key(key) != nullptr || find_ignored_key(key) != nullptr) << key;
  }
}

TEST(ConfigKeys, WhatIsAppliedIsNotIgnoredUnderTheSameName) {
  for (const std::string_view key : kKeysOfZooKeeper) {
    const IgnoredKey* ignored = find_ignored_key(key);
    if (find_applied_key(key) == nullptr || ignored == nullptr) continue;
    EXPECT_TRUE(ignored->name.ends_with('*')) << key;
  }
}

TEST(ConfigKeys, UnknownNamesAreNotKnown) {
  for (const std::string_view key : {"", "datadir", "clientport", "x", "server"}) {
    EXPECT_EQ(find_applied_key(key), nullptr) << key;
    EXPECT_EQ(find_ignored_key(key), nullptr) << key;
  }
}

TEST(ConfigKeys, AMisspelledNameIsGuessed) {
  EXPECT_EQ(similar_key("clientport"), "clientPort");
  EXPECT_EQ(similar_key("dataDri"), "dataDir");
  EXPECT_EQ(similar_key("maxCnxn"), "maxCnxns");
  EXPECT_EQ(similar_key("x"), std::nullopt);
  EXPECT_EQ(similar_key(std::string(100'000, 'x')), std::nullopt);
}

TEST(ConfigKeys, NamesThatSmellOfSecretsAreSecret) {
  EXPECT_TRUE(is_secret_key("DigestAuthenticationProvider.superDigest"));
  EXPECT_TRUE(is_secret_key("ssl.keyStore.password"));
  EXPECT_TRUE(is_secret_key("ssl.keyStore.PasswordPath"));
  EXPECT_FALSE(is_secret_key("clientPort"));
  EXPECT_FALSE(is_secret_key("peerSecretFile"));
}

}  // namespace
}  // namespace topod::node
