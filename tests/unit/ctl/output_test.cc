#include "tools/ctl/output.h"

#include <gtest/gtest.h>

namespace topod::ctl {
namespace {

Table sample() {
  Table table({"NAME", "BYTES", "NOTE"});
  table.right(1);
  table.add({"zürich", "7", Cell("bad\tnews", Colour::kBad)});
  table.add({"a", "1024", ""});
  return table;
}

TEST(Table, ColumnsStandUnderTheirHeadings) {
  EXPECT_EQ(sample().as_table(false),
            "NAME    BYTES  NOTE\n"
            "zürich      7  bad\\tnews\n"
            "a        1024\n");
}

TEST(Table, HasColourOnlyWhereItIsWished) {
  EXPECT_EQ(sample().as_table(false).find('\x1b'), std::string::npos);
  EXPECT_NE(sample().as_table(true).find("\x1b[31mbad"), std::string::npos);
}

TEST(Table, AsTextIsOneLineARowWithTabsBetween) {
  EXPECT_EQ(sample().as_text(), "zürich\t7\tbad\\tnews\na\t1024\t\n");
}

TEST(Table, WithoutRowsIsNothing) { EXPECT_EQ(Table({"NAME"}).as_table(true), ""); }

TEST(Json, OfBytesThatAreNoUtf8CanBePrinted) {
  EXPECT_EQ(json_text(Json("\xff")), "\"\xef\xbf\xbd\"");
}

}  // namespace
}  // namespace topod::ctl
