// What a configuration means to the parts of a server.
#include "server/options.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>

namespace topod::server {
namespace {

node::Config three_members() {
  node::Config config;
  config.server_id = ServerId(1);
  for (uint32_t id = 1; id <= 4; ++id) {
    node::Member member;
    member.id = ServerId(id);
    member.addresses = {{"10.0.0." + std::to_string(id), 2888, 3888}};
    if (id == 4) member.role = node::MemberRole::kObserver;
    config.members.push_back(member);
  }
  return config;
}

uint64_t told_by(const std::function<void(node::Config&)>& change) {
  node::Config config = three_members();
  change(config);
  return peer_options(config, {}).voters_hash;
}

TEST(Options, PeersAreToldWhoVotes) {
  const uint64_t told = told_by([](node::Config&) {});
  EXPECT_NE(told, 0U) << "which would say that nothing is told";
  EXPECT_NE(told,
            told_by([](node::Config& config) { config.members.erase(config.members.begin()); }));
  EXPECT_NE(told, told_by([](node::Config& config) { config.members[1].weight = 2; }));
  EXPECT_NE(told, told_by([](node::Config& config) { config.members[1].group = 1; }));
  EXPECT_NE(told, told_by([](node::Config& config) {
              config.members[2].role = node::MemberRole::kObserver;
            }));
}

// A machine is replaced, an observer added, while the others run.
TEST(Options, WhatMayDifferIsNotPartOfIt) {
  const uint64_t told = told_by([](node::Config&) {});
  EXPECT_EQ(told, told_by([](node::Config& config) { config.server_id = ServerId(2); }));
  EXPECT_EQ(told, told_by([](node::Config& config) {
              config.members[1].addresses = {{"10.0.0.9", 2888, 3888}};
            }));
  EXPECT_EQ(told, told_by([](node::Config& config) { config.members.pop_back(); }));
}

TEST(Options, ClientsLeaveOpenFilesToTheLog) {
  const auto clients_of = [](uint64_t open_files_max) {
    return client_options(three_members(), open_files_max).max_connections_by_files;
  };
  EXPECT_EQ(clients_of(1'024), 1'024U - 128);
  EXPECT_EQ(clients_of(100), 50U) << "very few are shared";
  EXPECT_EQ(clients_of(0), UINT64_MAX) << "nobody knows how many there are";
}

}  // namespace
}  // namespace topod::server
