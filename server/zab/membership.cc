#include "server/zab/membership.h"

#include <xxhash.h>

#include <algorithm>
#include <vector>

#include "proto/check.h"
#include "proto/mutants.h"

namespace topod::zab {

namespace {

// An ADMIT is short; longer entries need not be looked into.
constexpr size_t kAdmitBytesMax = 64;

InstanceId to_instance(std::string_view bytes) {
  InstanceId instance{};
  if (bytes.size() == instance.size()) std::copy(bytes.begin(), bytes.end(), instance.begin());
  return instance;
}

void set_instance(std::string& bytes, const InstanceId& instance) {
  bytes.assign(instance.begin(), instance.end());
}

std::vector<Voter> voters_of(const ReplicaConfig& config) {
  std::vector<Voter> voters;
  for (const PeerConfig& member : config.members) {
    if (!member.observer) voters.push_back({member.id, member.weight, member.group});
  }
  if (config.members.empty()) voters.push_back({config.self});
  return voters;
}

}  // namespace

uint64_t voters_hash(const ReplicaConfig& config) {
  std::vector<uint32_t> numbers;
  for (const Voter& voter : voters_of(config)) {
    numbers.insert(numbers.end(), {voter.id.value(), voter.weight, voter.group});
  }
  const uint64_t hash = XXH3_64bits(numbers.data(), numbers.size() * sizeof(uint32_t));
  return hash != 0 ? hash : 1;
}

Membership::Membership(const ReplicaConfig& config, const state::State& state, Journal& journal)
    : config_(config), state_(state), journal_(journal), quorum_(voters_of(config)) {}

void Membership::start() {
  const entry::Founding& founding = journal_.promises().founding;
  if (founding.ensemble() != 0) {
    std::vector<Voter> logged;
    for (const entry::Founding::Voter& voter : founding.voters()) {
      logged.push_back({ServerId(voter.server()), voter.weight(), voter.group()});
    }
    differs_ = logged != quorum_.voters();
    return;
  }
  if (quorum_.voters().front().id != config_.self) return;
  const bool alone = quorum_.voters().size() == 1;
  log_founding(config_.fresh_ensemble.value(), alone);
}

// ---- founding ------------------------------------------------------------------------------

void Membership::log_founding(uint64_t ensemble, bool with_instances) {
  entry::Founding founding;
  founding.set_ensemble(ensemble);
  for (const Voter& voter : quorum_.voters()) {
    entry::Founding::Voter* row = founding.add_voters();
    row->set_server(voter.id.value());
    row->set_weight(voter.weight);
    row->set_group(voter.group);
    if (!with_instances) continue;
    if (voter.id == config_.self) {
      set_instance(*row->mutable_instance(), config_.instance);
    } else {
      row->set_instance(told_.at(voter.id).instance());
    }
  }
  founding_record_ = journal_.found(std::move(founding));
  founding_durable_ = false;
}

peer::Founded Membership::tell() const {
  peer::Founded told;
  told.set_voters_hash(voters_hash(config_));
  set_instance(*told.mutable_instance(), config_.instance);
  // What counts is only what a restart would not take back.
  if (!founding_durable_ || is_ahead_of_disk()) return told;
  told.set_ensemble(ensemble().value());
  told.set_votes(votes());
  told.set_as_of(static_cast<uint64_t>(std::max(state_.applied, heard_as_of_).value()));
  for (const Voter& voter : quorum_.voters()) {
    const auto instance = admitted(voter.id);
    if (!instance) continue;
    peer::Admitted* row = told.add_admitted();
    row->set_server(voter.id.value());
    set_instance(*row->mutable_instance(), *instance);
  }
  return told;
}

std::string Membership::heard(ServerId peer, const peer::Founded& told) {
  if (told.voters_hash() != voters_hash(config_)) {
    return "its list of voters, weights and groups differs from this server's";
  }
  told_[peer] = told;
  const uint64_t mine = ensemble().value();
  if (told.votes()) {
    if (mine == told.ensemble()) {
      if (!differs_) adopt(told);
    } else if (votes() || state_.applied > Zxid(0) || has_history()) {
      return "it belongs to another ensemble";
    } else {
      adopt(told);
    }
    learn_admissions(told);
    return {};
  }
  if (mine != 0 && mine == told.ensemble()) learn_admissions(told);
  const ServerId lowest = quorum_.voters().front().id;
  if (peer == lowest && told.ensemble() != 0 && told.ensemble() != mine && !votes() &&
      state_.applied == Zxid(0) && is_voter(config_.self)) {
    log_founding(told.ensemble(), false);
  }
  found_if_all_agree();
  return {};
}

// Somebody votes already: its founders are the founders. This server votes if it is one of them,
// and is a learner of that ensemble if not.
void Membership::adopt(const peer::Founded& told) {
  entry::Founding founding = journal_.promises().founding;
  if (founding.ensemble() == told.ensemble() &&
      std::any_of(founding.voters().begin(), founding.voters().end(),
                  [](const auto& voter) { return !voter.instance().empty(); })) {
    return;
  }
  founding.Clear();
  founding.set_ensemble(told.ensemble());
  for (const Voter& voter : quorum_.voters()) {
    entry::Founding::Voter* row = founding.add_voters();
    row->set_server(voter.id.value());
    row->set_weight(voter.weight);
    row->set_group(voter.group);
    for (const peer::Admitted& one : told.admitted()) {
      if (one.server() == voter.id.value()) row->set_instance(one.instance());
    }
  }
  founding_record_ = journal_.found(std::move(founding));
  founding_durable_ = false;
}

void Membership::learn_admissions(const peer::Founded& told) {
  const Zxid as_of(static_cast<int64_t>(told.as_of()));
  if (as_of <= std::max(state_.applied, heard_as_of_)) return;
  std::map<ServerId, InstanceId> before;
  for (const Voter& voter : quorum_.voters()) {
    if (const auto instance = admitted(voter.id)) before[voter.id] = *instance;
  }
  heard_as_of_ = as_of;
  heard_admitted_.clear();
  for (const peer::Admitted& one : told.admitted()) {
    heard_admitted_[ServerId(one.server())] = to_instance(one.instance());
  }
  const bool is_decided = !suspended_.empty() && suspended_.begin()->first <= as_of;
  if (before != heard_admitted_ || is_decided) news_ = true;
}

void Membership::found_if_all_agree() {
  const uint64_t mine = ensemble().value();
  if (mine == 0 || votes() || differs_ || !founding_durable_ || !is_voter(config_.self)) return;
  if (state_.applied > Zxid(0) || journal_.promises().current_epoch > Epoch(0)) return;
  for (const entry::Founding::Voter& voter : journal_.promises().founding.voters()) {
    if (!voter.instance().empty()) return;  // a learner of an ensemble that was founded
  }
  for (const Voter& voter : quorum_.voters()) {
    if (voter.id == config_.self) continue;
    const auto told = told_.find(voter.id);
    // One that names founders has learned them from somebody who votes: this server will, too.
    if (told == told_.end() || told->second.ensemble() != mine ||
        told->second.admitted_size() > 0) {
      return;
    }
  }
  log_founding(mine, true);
}

void Membership::durable(uint64_t record) {
  settle();
  if (founding_durable_ || record < founding_record_) return;
  founding_durable_ = true;
  news_ = true;
  found_if_all_agree();
}

bool Membership::take_news() {
  const bool news = news_;
  news_ = false;
  return news;
}

EnsembleId Membership::ensemble() const {
  return EnsembleId(journal_.promises().founding.ensemble());
}

// ---- who counts ----------------------------------------------------------------------------

std::optional<InstanceId> Membership::admitted(ServerId server) const {
  if (lags()) {
    const auto heard = heard_admitted_.find(server);
    if (heard == heard_admitted_.end()) return std::nullopt;
    return heard->second;
  }
  const auto member = state_.members.find(server);
  if (member != state_.members.end() && member->second.instance != InstanceId{}) {
    return member->second.instance;
  }
  for (const entry::Founding::Voter& voter : journal_.promises().founding.voters()) {
    if (voter.server() != server.value() || voter.instance().empty()) continue;
    return to_instance(voter.instance());
  }
  return std::nullopt;
}

bool Membership::is_suspended(ServerId server) const {
  return std::any_of(suspended_.upper_bound(heard_as_of_), suspended_.end(),
                     [&](const auto& one) { return one.second.server == server; });
}

bool Membership::votes() const {
  if (MUTANT(BlankVotes) && ensemble() != EnsembleId{}) return founding_durable_;
  return founding_durable_ && !differs_ && counts(config_.self, config_.instance);
}

bool Membership::counts(ServerId server, const InstanceId& instance) const {
  if (!is_voter(server)) return false;
  if (MUTANT(BlankVotes)) return true;
  if (!suspended_.empty() && is_suspended(server)) return false;
  const auto admitted_instance = admitted(server);
  return admitted_instance && *admitted_instance == instance;
}

// ---- the log's tail ------------------------------------------------------------------------

void Membership::appended(Zxid zxid, std::string_view entry_bytes) {
  if (entry_bytes.size() > kAdmitBytesMax) return;
  entry::Entry entry;
  if (!entry.ParseFromArray(entry_bytes.data(), static_cast<int>(entry_bytes.size()))) return;
  if (entry.has_admit()) suspended_[zxid] = {ServerId(entry.admit().server())};
}

void Membership::truncated(Zxid last) {
  suspended_.erase(suspended_.upper_bound(last), suspended_.end());
}

void Membership::state_replaced() {
  suspended_.clear();
  news_ = true;
}

void Membership::watermark(Zxid committed, uint64_t record) {
  for (auto& [zxid, suspension] : suspended_) {
    if (zxid <= committed && suspension.watermark == 0) suspension.watermark = record;
  }
}

void Membership::settle() {
  while (is_ahead_of_disk()) {
    const uint64_t watermark = suspended_.begin()->second.watermark;
    if (watermark == 0 || !journal_.is_durable(watermark)) return;
    suspended_.erase(suspended_.begin());
    news_ = true;
  }
}

}  // namespace topod::zab
