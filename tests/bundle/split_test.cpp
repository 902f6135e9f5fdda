#include "routedk/bundle/split.h"

#include "routedk/core/error.h"
#include "routedk/core/evenly_spread.h"

#include <fstream>

#include "bundle/domain_folder.h"
#include <gtest/gtest.h>

namespace routedk::bundle {
namespace {

Session made(SessionId id, std::int64_t order, std::int64_t length) {
  Session session;
  session.id = id;
  session.order = order;
  session.length = length;
  return session;
}

std::vector<SessionId> ids(const std::vector<Session>& sessions) {
  std::vector<SessionId> out;
  for (const Session& session : sessions) {
    out.push_back(session.id);
  }
  return out;
}

TEST(Split, the_last_of_each_length_are_test_and_those_before_them_validation) {
  std::vector<Session> sessions;
  for (std::int64_t order = 9; order >= 0; --order) {  // shuffled on purpose: the order field decides
    sessions.push_back(made(100 + order, order, order % 2 == 0 ? 2 : 7));
  }
  const Split split = split_sessions(sessions, {2, 1});
  EXPECT_EQ(ids(split.train), (std::vector<SessionId>{100, 102, 101, 103}));
  EXPECT_EQ(ids(split.val), (std::vector<SessionId>{104, 105}));
  EXPECT_EQ(ids(split.test), (std::vector<SessionId>{106, 108, 107, 109}));
}

TEST(Split, a_length_with_few_sessions_fills_test_first) {
  const std::vector<Session> sessions = {made(1, 0, 3), made(2, 1, 3), made(3, 2, 3)};
  const Split split = split_sessions(sessions, {2, 5});
  EXPECT_EQ(ids(split.test), (std::vector<SessionId>{2, 3}));
  EXPECT_EQ(ids(split.val), (std::vector<SessionId>{1}));
  EXPECT_TRUE(split.train.empty());
}

TEST(Split, a_limit_keeps_sessions_evenly_spread) {
  std::vector<Session> sessions;
  for (SessionId id = 0; id < 10; ++id) {
    sessions.push_back(made(id, id, 3));
  }
  EXPECT_EQ(ids(evenly_spread(sessions, 4)), (std::vector<SessionId>{0, 2, 5, 7}));
  EXPECT_EQ(ids(evenly_spread(sessions, 0)), ids(sessions));
  EXPECT_EQ(ids(evenly_spread(sessions, 11)), ids(sessions));
}

TEST(Split, parts_are_found_by_name) {
  const Split split = split_sessions(std::vector<Session>{made(1, 0, 3)}, {1, 0});
  EXPECT_EQ(ids(split.part(find_enum<SplitPart>("test").value())), (std::vector<SessionId>{1}));
  EXPECT_TRUE(split.part(find_enum<SplitPart>("train").value()).empty());
  EXPECT_TRUE(split.part(find_enum<SplitPart>("val").value()).empty());
  EXPECT_EQ(find_enum<SplitPart>("dev"), std::nullopt);
}

TEST(Split, negative_counts_are_refused) {
  EXPECT_THROW(split_sessions({}, {-1, 0}), ConfigError);
  EXPECT_THROW(split_sessions({}, {0, -1}), ConfigError);
}

TEST(SplitCounts, a_data_folder_may_carry_its_own) {
  const DomainFolder folder;
  EXPECT_EQ(default_split_counts(folder.dir()).test_per_length, 20);
  EXPECT_EQ(default_split_counts(folder.dir()).val_per_length, 10);
  std::ofstream(folder.dir() / "split.yaml") << "# ours\ntest_per_length: 2\nval_per_length: 1\n";
  EXPECT_EQ(default_split_counts(folder.dir()).test_per_length, 2);
  EXPECT_EQ(default_split_counts(folder.dir()).val_per_length, 1);
}

TEST(SplitCounts, mistakes_in_split_yaml_are_refused_with_their_line) {
  const DomainFolder folder;
  for (const char* line : {"test_per_lenght: 2", "val_per_length: -1", "val_per_length: few",
                           "val_per_length: [1]", "val_per_length: 'x"}) {
    std::ofstream(folder.dir() / "split.yaml") << "test_per_length: 2\n" << line << "\n";
    try {
      default_split_counts(folder.dir());
      ADD_FAILURE() << line << " was accepted";
    } catch (const ConfigError& error) {
      EXPECT_NE(std::string(error.what()).find("split.yaml:"), std::string::npos) << error.what();
    }
  }
  std::ofstream(folder.dir() / "split.yaml") << "- 2\n";
  EXPECT_THROW(default_split_counts(folder.dir()), ConfigError);
}

}  // namespace
}  // namespace routedk::bundle
