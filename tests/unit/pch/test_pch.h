// Precompiled for every unit test: googletest is what most of their compile time goes into.
// Tests still include what they use. (No include guard: the compiler takes it as a main file.)

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>
