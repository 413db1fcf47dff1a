#include "storage/lmdb_pages.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace topod::storage {

namespace {

constexpr uint32_t kMagic = 0xBEEFC0DE;
constexpr uint32_t kDataVersion = 1;
constexpr uint64_t kNoRoot = ~uint64_t{0};
constexpr size_t kMetaPages = 2;
constexpr size_t kPageHeaderBytes = 16;
constexpr size_t kNodeHeaderBytesOfLmdb = 8;
constexpr size_t kTreeRecordBytes = 48;
constexpr size_t kMetaBytes = 136;
constexpr uint16_t kBranchPage = 0x01;
constexpr uint16_t kLeafPage = 0x02;
constexpr uint16_t kOverflowPage = 0x04;
constexpr uint16_t kMetaPage = 0x08;
constexpr uint16_t kIntegerKeys = 0x08;
constexpr uint16_t kBigData = 0x01;
constexpr uint16_t kSubTree = 0x02;
constexpr uint16_t kDepthMax = 32;

template <class Number>
Number number_at(std::string_view bytes, size_t offset) {
  Number value;
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

struct TreeRecord {
  explicit TreeRecord(std::string_view bytes)
      : pad(number_at<uint32_t>(bytes, 0)),
        flags(number_at<uint16_t>(bytes, 4)),
        depth(number_at<uint16_t>(bytes, 6)),
        branch_pages(number_at<uint64_t>(bytes, 8)),
        leaf_pages(number_at<uint64_t>(bytes, 16)),
        overflow_pages(number_at<uint64_t>(bytes, 24)),
        entries(number_at<uint64_t>(bytes, 32)),
        root(number_at<uint64_t>(bytes, 40)) {}
  uint32_t pad;
  uint16_t flags;
  uint16_t depth;
  uint64_t branch_pages;
  uint64_t leaf_pages;
  uint64_t overflow_pages;
  uint64_t entries;
  uint64_t root;
};

struct Meta {
  explicit Meta(std::string_view page)
      : page_flags(number_at<uint16_t>(page, 10)),
        magic(number_at<uint32_t>(page, kPageHeaderBytes)),
        version(number_at<uint32_t>(page, kPageHeaderBytes + 4)),
        free_tree(page.substr(kPageHeaderBytes + 24)),
        main_tree(page.substr(kPageHeaderBytes + 24 + kTreeRecordBytes)),
        last_page(number_at<uint64_t>(page, kPageHeaderBytes + 120)),
        transaction_id(number_at<uint64_t>(page, kPageHeaderBytes + 128)) {}
  // The free list's record holds the page size where others hold nothing.
  [[nodiscard]] size_t page_bytes() const { return free_tree.pad; }
  uint16_t page_flags;
  uint32_t magic;
  uint32_t version;
  TreeRecord free_tree;
  TreeRecord main_tree;
  uint64_t last_page;
  uint64_t transaction_id;
};

struct Node {
  uint16_t flags = 0;
  std::string_view key;
  std::string_view data;  // of a leaf; if it is elsewhere, the number of the first page there
  uint64_t number = 0;    // of a branch the child, of a leaf the length of the data
};

enum class TreeKind { kFreeList, kMain, kTable };

struct KeyRange {
  std::string_view first;               // inclusive
  std::optional<std::string_view> end;  // exclusive
};

class PageWalk {
 public:
  PageWalk(std::unique_ptr<File> file, std::string path)
      : file_(std::move(file)), path_(std::move(path)) {}

  Expected<PageCounts> run();

 private:
  struct TreeWalk {
    TreeKind kind;
    uint16_t depth;
    uint64_t branch_pages = 0;
    uint64_t leaf_pages = 0;
    uint64_t overflow_pages = 0;
    uint64_t entries = 0;
  };

  Expected<Meta> read_metas();
  Expected<void> walk_tree(const TreeRecord& record, TreeKind kind);
  Expected<void> walk_page(uint64_t number, const KeyRange& range, uint16_t level, TreeWalk& walk);
  Expected<void> walk_children(uint64_t number, const std::vector<Node>& nodes,
                               const KeyRange& range, uint16_t level, TreeWalk& walk);
  Expected<void> take_leaf_node(uint64_t number, const Node& node, TreeWalk& walk);
  Expected<void> take_free_list(uint64_t number, const Node& node, TreeWalk& walk);
  Expected<std::vector<Node>> nodes_of(uint64_t number, std::string_view page, bool is_leaf) const;
  Expected<std::string> read_page(uint64_t number) const;
  Expected<std::string> read_bytes(uint64_t offset, size_t bytes) const;
  Expected<void> claim(uint64_t number, uint64_t named_by);
  [[nodiscard]] static bool key_less(TreeKind kind, std::string_view left, std::string_view right);
  [[nodiscard]] tl::unexpected<StorageError> damage(uint64_t page, const std::string& what) const {
    return storage_error(StorageError::Kind::kDamaged,
                         path_ + ": page " + std::to_string(page) + " " + what);
  }

  std::unique_ptr<File> file_;
  std::string path_;
  uint64_t file_bytes_ = 0;
  size_t page_bytes_ = 0;
  uint64_t last_page_ = 0;
  std::vector<bool> claimed_;
  PageCounts counts_;
};

Expected<PageCounts> PageWalk::run() {
  const auto size = file_->size();
  if (!size) return storage_error(size.error());
  file_bytes_ = *size;
  const Expected<Meta> meta = read_metas();
  if (!meta) return tl::unexpected(meta.error());
  last_page_ = meta->last_page;
  claimed_.assign(last_page_ + 1, false);
  claimed_[0] = claimed_[1] = true;
  counts_.pages = last_page_ + 1;
  counts_.used = kMetaPages;
  if (auto done = walk_tree(meta->main_tree, TreeKind::kMain); !done) {
    return tl::unexpected(done.error());
  }
  // Last, so that a free page that is in use is reported as such.
  if (auto done = walk_tree(meta->free_tree, TreeKind::kFreeList); !done) {
    return tl::unexpected(done.error());
  }
  return counts_;
}

// LMDB believes the meta with the greater transaction id. Each commit writes the other one, so
// the ids are neighbours and their parity is the page's number: a changed id shows.
Expected<Meta> PageWalk::read_metas() {
  const Expected<std::string> first_bytes = read_bytes(0, kPageHeaderBytes + kMetaBytes);
  if (!first_bytes) return tl::unexpected(first_bytes.error());
  const Meta first(*first_bytes);
  page_bytes_ = first.page_bytes();
  if (page_bytes_ < 512 || page_bytes_ > 65'536 || (page_bytes_ & (page_bytes_ - 1)) != 0) {
    return damage(0, "is no meta page: impossible page size");
  }
  const Expected<std::string> second_bytes = read_bytes(page_bytes_, kPageHeaderBytes + kMetaBytes);
  if (!second_bytes) return tl::unexpected(second_bytes.error());
  const Meta second(*second_bytes);
  const std::array<const Meta*, kMetaPages> metas{&first, &second};
  for (uint64_t page = 0; page < kMetaPages; ++page) {
    const Meta& meta = *metas[page];
    if (meta.magic != kMagic || meta.version != kDataVersion || meta.page_flags != kMetaPage ||
        meta.page_bytes() != page_bytes_) {
      return damage(page, "is no meta page");
    }
    if (meta.transaction_id % kMetaPages != page) {
      return damage(page, "has a transaction id that belongs to the other meta page");
    }
  }
  const Meta& newer = first.transaction_id > second.transaction_id ? first : second;
  const Meta& older = &newer == &first ? second : first;
  if (newer.transaction_id != older.transaction_id + 1) {
    return damage(&older == &first ? 0 : 1, "has a transaction id that does not fit the other's");
  }
  // Before memory is given to the bitmap.
  if (newer.last_page < kMetaPages - 1 || newer.last_page >= file_bytes_ / page_bytes_) {
    return damage(&newer == &first ? 0 : 1, "speaks of " + std::to_string(newer.last_page) +
                                                " pages, the file has " +
                                                std::to_string(file_bytes_ / page_bytes_));
  }
  if (newer.free_tree.flags != kIntegerKeys || newer.main_tree.flags != 0 ||
      newer.main_tree.pad != 0) {
    return damage(&newer == &first ? 0 : 1, "has flags that are not in use");
  }
  return newer;
}

Expected<void> PageWalk::walk_tree(const TreeRecord& record, TreeKind kind) {
  TreeWalk walk{.kind = kind, .depth = record.depth};
  if (record.root == kNoRoot) {
    if (record.depth != 0) return damage(0, "or a table's record has a depth without a root");
  } else {
    if (record.depth == 0 || record.depth > kDepthMax) {
      return damage(record.root, "is the root of a tree of impossible depth");
    }
    if (auto done = claim(record.root, 0); !done) return done;
    if (auto done = walk_page(record.root, {}, 1, walk); !done) return done;
  }
  if (walk.branch_pages != record.branch_pages || walk.leaf_pages != record.leaf_pages ||
      walk.overflow_pages != record.overflow_pages || walk.entries != record.entries) {
    return storage_error(StorageError::Kind::kDamaged,
                         path_ + ": the tree with root page " + std::to_string(record.root) +
                             " has " + std::to_string(walk.entries) + " entries in " +
                             std::to_string(walk.leaf_pages) + " leaf pages, its record says " +
                             std::to_string(record.entries) + " in " +
                             std::to_string(record.leaf_pages));
  }
  return {};
}

Expected<void> PageWalk::walk_page(uint64_t number, const KeyRange& range, uint16_t level,
                                   TreeWalk& walk) {
  ++counts_.used;
  const bool is_leaf = level == walk.depth;
  const Expected<std::string> page = read_page(number);
  if (!page) return tl::unexpected(page.error());
  if (number_at<uint16_t>(*page, 10) != (is_leaf ? kLeafPage : kBranchPage)) {
    return damage(number, is_leaf ? "is no leaf of a tree" : "is no branch of a tree");
  }
  const Expected<std::vector<Node>> nodes = nodes_of(number, *page, is_leaf);
  if (!nodes) return tl::unexpected(nodes.error());
  if (nodes->size() < (is_leaf ? 1U : 2U)) return damage(number, "holds too few nodes");

  // The first key of a branch is not used: there the range begins.
  std::string_view last = range.first;
  for (size_t index = is_leaf ? 0 : 1; index < nodes->size(); ++index) {
    const std::string_view key = (*nodes)[index].key;
    const bool may_equal = index == (is_leaf ? 0U : 1U) && is_leaf;
    if (walk.kind == TreeKind::kFreeList && key.size() != sizeof(uint64_t)) {
      return damage(number, "has a key of wrong length");
    }
    const bool in_order =
        last.empty() || key_less(walk.kind, last, key) || (may_equal && key == last);
    if (!in_order || (range.end && !key_less(walk.kind, key, *range.end))) {
      return damage(number, "has keys out of order");
    }
    last = key;
  }
  if (!is_leaf) {
    ++walk.branch_pages;
    return walk_children(number, *nodes, range, level, walk);
  }
  ++walk.leaf_pages;
  walk.entries += nodes->size();
  for (const Node& node : *nodes) {
    if (auto done = take_leaf_node(number, node, walk); !done) return done;
  }
  return {};
}

Expected<void> PageWalk::walk_children(uint64_t number, const std::vector<Node>& nodes,
                                       const KeyRange& range, uint16_t level, TreeWalk& walk) {
  for (size_t index = 0; index < nodes.size(); ++index) {
    const uint64_t child = nodes[index].number;
    if (auto done = claim(child, number); !done) return done;
    KeyRange of_child = range;
    if (index > 0) of_child.first = nodes[index].key;
    if (index + 1 < nodes.size()) of_child.end = nodes[index + 1].key;
    const auto below = static_cast<uint16_t>(level + 1);
    if (auto done = walk_page(child, of_child, below, walk); !done) return done;
  }
  return {};
}

Expected<void> PageWalk::take_leaf_node(uint64_t number, const Node& node, TreeWalk& walk) {
  if (walk.kind == TreeKind::kFreeList) return take_free_list(number, node, walk);
  const bool is_table = walk.kind == TreeKind::kMain;
  if (node.flags != (is_table ? kSubTree : 0)) {
    return damage(number, "has a node with flags that are not in use");
  }
  if (!is_table) return {};
  if (node.data.size() != kTreeRecordBytes) return damage(number, "has a broken table record");
  const TreeRecord record(node.data);
  if (record.flags != 0 || record.pad != 0 || record.overflow_pages != 0) {
    return damage(number, "has a table with features that are not in use");
  }
  return walk_tree(record, TreeKind::kTable);
}

// Value: how many pages, then their numbers.
Expected<void> PageWalk::take_free_list(uint64_t number, const Node& node, TreeWalk& walk) {
  std::string overflow;
  std::string_view list = node.data;
  if (node.flags == kBigData) {
    const uint64_t first = number_at<uint64_t>(node.data, 0);
    const uint64_t pages = (kPageHeaderBytes + node.number + page_bytes_ - 1) / page_bytes_;
    if (first > last_page_ || pages > last_page_ - first + 1) {
      return damage(number, "names overflow pages beyond the end");
    }
    for (uint64_t page = first; page < first + pages; ++page) {
      if (auto done = claim(page, number); !done) return done;
    }
    const Expected<std::string> bytes = read_bytes(first * page_bytes_, pages * page_bytes_);
    if (!bytes) return tl::unexpected(bytes.error());
    overflow = *bytes;
    if (number_at<uint64_t>(overflow, 0) != first ||
        number_at<uint16_t>(overflow, 10) != kOverflowPage ||
        number_at<uint32_t>(overflow, 12) != pages) {
      return damage(first, "is not the overflow page that it should be");
    }
    walk.overflow_pages += pages;
    counts_.used += pages;
    list = std::string_view(overflow).substr(kPageHeaderBytes, node.number);
  } else if (node.flags != 0) {
    return damage(number, "has a node with flags that are not in use");
  }
  if (list.size() < 8 || list.size() / 8 - 1 < number_at<uint64_t>(list, 0)) {
    return damage(number, "has a broken list of free pages");
  }
  const uint64_t count = number_at<uint64_t>(list, 0);
  uint64_t last = kNoRoot;
  for (uint64_t index = 1; index <= count; ++index) {
    const uint64_t page = number_at<uint64_t>(list, index * 8);
    if (page >= last) return damage(number, "has a list of free pages out of order");
    if (auto done = claim(page, number); !done) return done;
    last = page;
  }
  counts_.free += count;
  return {};
}

Expected<std::vector<Node>> PageWalk::nodes_of(uint64_t number, std::string_view page,
                                               bool is_leaf) const {
  const size_t lower = number_at<uint16_t>(page, 12);
  const size_t upper = number_at<uint16_t>(page, 14);
  if (lower < kPageHeaderBytes || lower % 2 != 0 || upper < lower || upper > page.size()) {
    return damage(number, "has impossible bounds");
  }
  std::vector<Node> nodes((lower - kPageHeaderBytes) / 2);
  size_t used_bytes = 0;
  for (size_t index = 0; index < nodes.size(); ++index) {
    const size_t offset = number_at<uint16_t>(page, kPageHeaderBytes + 2 * index);
    if (offset < upper || offset + kNodeHeaderBytesOfLmdb > page.size()) {
      return damage(number, "has a node outside of it");
    }
    Node& node = nodes[index];
    const uint64_t low = number_at<uint16_t>(page, offset);
    const uint64_t high = number_at<uint16_t>(page, offset + 2);
    node.flags = number_at<uint16_t>(page, offset + 4);
    const size_t key_bytes = number_at<uint16_t>(page, offset + 6);
    size_t data_bytes = 0;
    if (is_leaf) {
      node.number = low | high << 16;
      data_bytes = node.flags == kBigData ? sizeof(uint64_t) : node.number;
    } else {
      node.number = low | high << 16 | uint64_t{node.flags} << 32;
    }
    const size_t node_bytes = kNodeHeaderBytesOfLmdb + key_bytes + data_bytes;
    if (node_bytes > page.size() - offset) return damage(number, "has a node outside of it");
    node.key = page.substr(offset + kNodeHeaderBytesOfLmdb, key_bytes);
    node.data = page.substr(offset + kNodeHeaderBytesOfLmdb + key_bytes, data_bytes);
    used_bytes += (node_bytes + 1) & ~size_t{1};
  }
  // Nodes lie without gaps, so this is also how overlapping ones are noticed.
  if (used_bytes != page.size() - upper) return damage(number, "has nodes that overlap");
  return nodes;
}

Expected<std::string> PageWalk::read_page(uint64_t number) const {
  Expected<std::string> page = read_bytes(number * page_bytes_, page_bytes_);
  if (page && number_at<uint64_t>(*page, 0) != number) {
    return damage(number, "says that it is page " + std::to_string(number_at<uint64_t>(*page, 0)));
  }
  return page;
}

Expected<std::string> PageWalk::read_bytes(uint64_t offset, size_t bytes) const {
  std::string buffer(bytes, '\0');
  const auto count = file_->read(offset, std::as_writable_bytes(std::span(buffer)));
  if (!count && count.error().code == EIO) {
    return storage_error(StorageError::Kind::kDamaged,
                         count.error().message() + " at byte " + std::to_string(offset));
  }
  if (!count) return storage_error(count.error());
  if (*count < bytes) {
    return storage_error(
        StorageError::Kind::kDamaged,
        path_ + ": ends at byte " + std::to_string(offset + *count) + ", which is too short");
  }
  return buffer;
}

Expected<void> PageWalk::claim(uint64_t number, uint64_t named_by) {
  if (number > last_page_) {
    return damage(named_by, "names page " + std::to_string(number) + ", which is not in use");
  }
  if (claimed_[number]) {
    return damage(named_by, "names page " + std::to_string(number) + ", as another page does");
  }
  claimed_[number] = true;
  return {};
}

bool PageWalk::key_less(TreeKind kind, std::string_view left, std::string_view right) {
  if (kind != TreeKind::kFreeList) return left < right;
  return number_at<uint64_t>(left, 0) < number_at<uint64_t>(right, 0);
}

}  // namespace

Expected<PageCounts> check_pages(FileSystem& files, const std::string& path) {
  auto file = files.open(path, {});
  if (!file) return storage_error(file.error());
  return check_pages(std::move(*file), path);
}

Expected<PageCounts> check_pages(std::unique_ptr<File> file, const std::string& path) {
  return PageWalk(std::move(file), path).run();
}

}  // namespace topod::storage
