// Figures by a name that others choose, such as a path or an address: of so many names at most,
// for each becomes a series of its own in whatever reads them. What finds no place is counted
// together, as "other", and so is what leaves its place to a newcomer after long idleness: sums
// over all names stay right.
//
// One thread. `Figures` is a plain value with +=.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace topod::node {

template <class Figures>
class BoundedLabels {
 public:
  static constexpr size_t kOther = 0;
  static constexpr std::string_view kOtherName = "other";
  static constexpr int64_t kIdleMs = 600'000;

  struct Slot {
    std::string name;
    Figures figures{};
    int64_t used_ms = 0;
    uint32_t users = 0;  // who keep the slot's number; it is nobody else's before they release it
  };

  explicit BoundedLabels(size_t names_max) : names_max_(names_max) {
    slots_.push_back({std::string(kOtherName), {}, 0, 0});
  }

  // The place of a name; it may be another's after the next call.
  size_t place_of(std::string_view name, int64_t now_ms) {
    if (last_ != kOther && slots_[last_].name == name) {  // most requests are like the one before
      slots_[last_].used_ms = now_ms;
      return last_;
    }
    const auto found = index_.find(name);
    const size_t place = found != index_.end() ? found->second : take(name, now_ms);
    slots_[place].used_ms = now_ms;
    last_ = place;
    return place;
  }
  void hold(size_t place) { ++slots_[place].users; }
  void release(size_t place) { --slots_[place].users; }

  Figures& operator[](size_t place) { return slots_[place].figures; }
  [[nodiscard]] const std::vector<Slot>& slots() const { return slots_; }

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view name) const { return std::hash<std::string_view>{}(name); }
  };

  size_t take(std::string_view name, int64_t now_ms) {
    if (slots_.size() <= names_max_) {
      slots_.push_back({std::string(name), {}, now_ms, 0});
      index_.emplace(name, slots_.size() - 1);
      return slots_.size() - 1;
    }
    // Looking for one that can go costs as much as there are names: once a second will do.
    if (now_ms - looked_ms_ < 1'000) return kOther;
    looked_ms_ = now_ms;
    for (size_t place = 1; place < slots_.size(); ++place) {
      Slot& slot = slots_[place];
      if (slot.users > 0 || now_ms - slot.used_ms < kIdleMs) continue;
      slots_[kOther].figures += std::exchange(slot.figures, {});
      index_.erase(index_.find(slot.name));
      slot.name = name;
      index_.emplace(name, place);
      return place;
    }
    return kOther;
  }

  size_t names_max_;
  std::vector<Slot> slots_;  // the first is of all others
  std::unordered_map<std::string, size_t, Hash, std::equal_to<>> index_;
  size_t last_ = kOther;
  int64_t looked_ms_ = 0;
};

}  // namespace topod::node
