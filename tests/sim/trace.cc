#include "tests/sim/trace.h"

#include <array>
#include <cstdio>

namespace topod::sim {

void Trace::begin_line(int64_t now_us, std::string_view what) {
  std::array<char, 32> time{};
  std::snprintf(time.data(), time.size(), "%4lld.%06lld ",
                static_cast<long long>(now_us / 1'000'000),
                static_cast<long long>(now_us % 1'000'000));
  *out_ << time.data() << what;
}

// Epoch and counter, as in "4:17": easier to follow than the number.
void Trace::detail(Zxid zxid) {
  add(zxid.value());
  if (out_ != nullptr) *out_ << ' ' << epoch_of(zxid).value() << ':' << counter_of(zxid);
}

}  // namespace topod::sim
