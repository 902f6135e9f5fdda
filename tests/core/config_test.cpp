#include "routedk/core/config.h"

#include "routedk/core/config_paths.h"
#include "routedk/core/error.h"

#include <algorithm>
#include <limits>

#include "core/temporary_folder.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace routedk {
namespace {

using ::testing::ElementsAre;
using testing::message_of;

struct LoraOptions {
  int rank = 8;
  double dropout = 0.05;
  template <typename F>
  void fields(F& f) {
    f("rank", rank, "rank of A and B", at_least(1));
    f("dropout", dropout, "share of inputs dropped", between(0, 1));
  }
  void validate(std::vector<std::string>& problems) const {
    if (rank > 64 && dropout == 0) {
      problems.emplace_back("`dropout` must be positive where `rank` is above 64.");
    }
  }
};

struct ExpertConfig {
  std::string name = "base";
  std::vector<int> layers = {};
  template <typename F>
  void fields(F& f) {
    f("name", name, "the expert");
    f("layers", layers, "layers it adapts", at_least(0));
  }
};

enum class Scale { kSoftmax, kKSoftmax };
constexpr auto enum_names(Scale /*of*/) {
  return std::to_array<EnumName<Scale>>({{Scale::kSoftmax, "softmax"}, {Scale::kKSoftmax, "k_softmax"}});
}
enum class Domain { kElectronic, kFood };
constexpr auto enum_names(Domain /*of*/) {
  return std::to_array<EnumName<Domain>>({{Domain::kElectronic, "electronic"}, {Domain::kFood, "food"}});
}

struct DemoConfig {
  std::string title = "demo";
  std::uint64_t seed = 1;
  double learning_rate = 1e-3;
  Scale scale = Scale::kSoftmax;
  bool verbose = false;
  std::optional<int> limit;
  std::vector<Domain> domains = {Domain::kElectronic};
  LoraOptions lora;
  std::vector<ExpertConfig> experts = {{}, {"high_level", {1, 2}}};
  template <typename F>
  void fields(F& f) {
    f("title", title, "what to call it");
    f("seed", seed, "of all randomness");
    f("learning_rate", learning_rate, "step size", positive());
    f("scale", scale, "how logits become weights");
    f("verbose", verbose, "more lines");
    f("limit", limit, "most sessions", positive());
    f("domains", domains, "which data");
    f("lora", lora, "the adapters");
    f("experts", experts, "one an expert");
  }
};

DemoConfig read(const std::string& yaml) {
  return read_config<DemoConfig>(ConfigSource::from_string(yaml, "demo.yaml"));
}

std::string problems_of(const std::string& yaml) {
  return message_of<ConfigError>([&] { read(yaml); });
}

TEST(Config, an_empty_source_gives_the_defaults) {
  EXPECT_EQ(dump_config(read_config<DemoConfig>(ConfigSource::empty())), dump_config(DemoConfig{}));
  EXPECT_EQ(dump_config(read("")), dump_config(DemoConfig{}));
  EXPECT_EQ(dump_config(read("lora:\n")), dump_config(DemoConfig{}));
}

TEST(Config, every_kind_of_field_is_read) {
  const DemoConfig config = read(
      "title: 5\nseed: 18446744073709551615\nlearning_rate: 2e-5\nscale: k_softmax\nverbose: true\nlimit: 3\n"
      "domains: [food, electronic]\nlora: {rank: 16}\nexperts:\n  - name: 'x y'\n    layers: [0, 3]\n");
  EXPECT_EQ(config.title, "5");
  EXPECT_EQ(config.seed, std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(config.learning_rate, 2e-5);
  EXPECT_EQ(config.scale, Scale::kKSoftmax);
  EXPECT_TRUE(config.verbose);
  EXPECT_EQ(config.limit, 3);
  EXPECT_THAT(config.domains, ElementsAre(Domain::kFood, Domain::kElectronic));
  EXPECT_EQ(config.lora.rank, 16);
  EXPECT_EQ(config.lora.dropout, 0.05);
  ASSERT_EQ(config.experts.size(), 1U);
  EXPECT_EQ(config.experts[0].name, "x y");
  EXPECT_THAT(config.experts[0].layers, ElementsAre(0, 3));
}

TEST(Config, null_is_an_absent_optional_and_no_other_scalar) {
  EXPECT_EQ(read("limit: null\n").limit, std::nullopt);
  EXPECT_EQ(problems_of("seed: null\n"),
            "`seed` must be an integer of at least 0, but is null instead (demo.yaml:1).");
}

TEST(Config, all_problems_are_reported_at_once_with_path_rule_value_and_place) {
  EXPECT_EQ(problems_of("lora:\n  rank: 0\n  rnk: 4\nscale: linear\nlimit: -1\ndomains: [food, shoes]\n"
                        "experts: [{name: a, layers: [1, -2]}]\n"),
            "`scale` must be one of softmax, k_softmax, but is linear instead (demo.yaml:4).\n"
            "`limit` must be positive, but is -1 instead (demo.yaml:5).\n"
            "`domains[1]` must be one of electronic, food, but is shoes instead (demo.yaml:6).\n"
            "`lora.rank` must be at least 1, but is 0 instead (demo.yaml:2).\n"
            "`lora.rnk` is not a known key; did you mean `rank`? (demo.yaml:3).\n"
            "`experts[0].layers[1]` must be at least 0, but is -2 instead (demo.yaml:7).");
}

TEST(Config, a_key_near_nothing_gets_the_known_names) {
  EXPECT_EQ(problems_of("lora: {momentum: 1}\n"),
            "`lora.momentum` is not a known key; known here: rank, dropout (demo.yaml:1).");
}

TEST(Config, a_value_of_the_wrong_type_is_refused) {
  for (const char* yaml : {"verbose: yes",
                           "verbose: 1",
                           "verbose: 'true'",
                           "seed: -1",
                           "seed: 1.5",
                           "seed: '1'",
                           "seed: 18446744073709551616",
                           "learning_rate: fast",
                           "learning_rate: 1e999",
                           "learning_rate: .nan",
                           "learning_rate: nan",
                           "title: [a]",
                           "scale: [softmax]",
                           "scale: null",
                           "domains: food",
                           "lora: 3",
                           "lora: [1]",
                           "experts: {name: a}",
                           "experts: [a]",
                           "lora: {rank: 2147483648}",
                           "lora: {rank: 8x}",
                           "lora: {rank: }"}) {
    EXPECT_THROW(read(yaml), ConfigError) << yaml;
  }
}

TEST(Config, integers_beyond_their_type_name_its_size) {
  EXPECT_EQ(problems_of("lora: {rank: 2147483648}"),
            "`lora.rank` must be a 32-bit integer, but is 2147483648 instead (demo.yaml:1).");
  EXPECT_EQ(problems_of("lora: {rank: 8x}"),
            "`lora.rank` must be an integer, but is 8x instead (demo.yaml:1).");
}

TEST(Config, rules_across_fields_carry_the_path_of_their_section) {
  EXPECT_EQ(problems_of("lora: {rank: 128, dropout: 0}"),
            "lora: `dropout` must be positive where `rank` is above 64 (demo.yaml:1).");
  EXPECT_EQ(problems_of("lora:\n  dropout: 0\n  rank: 128"),
            "lora: `dropout` must be positive where `rank` is above 64 (demo.yaml:2).");
}

TEST(Config, assignments_win_over_the_file_and_are_named_in_problems) {
  ConfigSource source = ConfigSource::from_string("lora: {rank: 4}\nseed: 7\n", "demo.yaml");
  source.set("lora.rank=16");
  source.set("domains=[food]");
  source.set("title=");
  EXPECT_EQ(read_config<DemoConfig>(source).title, "");
  source.set("title='a=b'");
  const auto config = read_config<DemoConfig>(source);
  EXPECT_EQ(config.lora.rank, 16);
  EXPECT_EQ(config.seed, 7U);
  EXPECT_EQ(config.title, "a=b");
  EXPECT_THAT(config.domains, ElementsAre(Domain::kFood));
  source.set("lora.rank=0");
  EXPECT_EQ(message_of<ConfigError>([&] { read_config<DemoConfig>(source); }),
            "`lora.rank` must be at least 1, but is 0 instead (--set lora.rank).");
}

TEST(Config, assignments_of_another_form_are_refused) {
  ConfigSource source = ConfigSource::from_string("seed: 7\n", "demo.yaml");
  EXPECT_EQ(message_of<ConfigError>([&] { source.set("seed"); }),
            "--set must have the form section.key=value, but is `seed` instead.");
  source.set("seed=");
  EXPECT_EQ(message_of<ConfigError>([&] { read_config<DemoConfig>(source); }),
            "`seed` must be an integer of at least 0, but is empty instead (--set seed).");
  source.set("seed=7");
  EXPECT_THROW(source.set("=1"), ConfigError);
  EXPECT_THROW(source.set("lora..rank=1"), ConfigError);
  EXPECT_THROW(source.set("lora.rank=[1"), ConfigError);
  EXPECT_EQ(message_of<ConfigError>([&] { source.set("seed.low=1"); }),
            "`low` must be inside a section, but is inside 7 instead (--set seed.low).");
}

TEST(Config, a_document_that_is_not_one_plain_mapping_is_refused_with_its_line) {
  EXPECT_EQ(problems_of("seed: 1\ntitle: a\nseed: 2\n"),
            "`seed` must be given once, but was given already at demo.yaml:1 (demo.yaml:3).");
  EXPECT_THROW(read("- a\n"), ConfigError);
  EXPECT_THROW(read("word"), ConfigError);
  EXPECT_THROW(read("seed: 1\n---\nseed: 2\n"), ConfigError);
  EXPECT_THROW(read("lora: &a {rank: 1}\n"), ConfigError);
  EXPECT_THROW(read("title: *a\n"), ConfigError);
  EXPECT_THROW(read("[a]: 1\n"), ConfigError);
  EXPECT_THAT(problems_of("seed: 1\ntitle: [a\n"), ::testing::HasSubstr("demo.yaml:3"));
  EXPECT_THROW(read(std::string(100000, '[')), ConfigError);
}

TEST(Config, a_dump_reads_back_byte_for_byte) {
  DemoConfig config;
  config.learning_rate = 0.1 + 0.2;
  config.lora.dropout = 1.0 / 3;
  config.limit = 9;
  for (const char* title :
       {"", "null", "Yes", "5", "1e5", "a b", "a: b # c", "- x", "it's \"so\"", "line\nbreak\ttab", "C:\\x",
        "caf\xC3\xA9", "/data/x-1.bin", "\x01\x7F", "@", " lead", "&a", "*a", "~"}) {
    config.title = title;
    config.experts[0].name = title;
    const std::string dump = dump_config(config);
    const DemoConfig back = read(dump);
    EXPECT_EQ(back.title, title);
    EXPECT_EQ(back.experts.at(0).name, title);
    EXPECT_EQ(back.learning_rate, config.learning_rate);
    EXPECT_EQ(dump_config(back), dump);
  }
}

TEST(Config, a_dump_shows_meanings_rules_and_lists) {
  EXPECT_EQ(dump_config(DemoConfig{}),
            "title: demo  # what to call it\n"
            "seed: 1  # of all randomness\n"
            "learning_rate: 0.001  # step size (positive)\n"
            "scale: softmax  # how logits become weights (one of softmax, k_softmax)\n"
            "verbose: false  # more lines\n"
            "limit: null  # most sessions (positive)\n"
            "domains: [electronic]  # which data (one of electronic, food)\n"
            "lora:  # the adapters\n"
            "  rank: 8  # rank of A and B (at least 1)\n"
            "  dropout: 0.05  # share of inputs dropped (between 0 and 1)\n"
            "experts:  # one an expert\n"
            "  - name: base  # the expert\n"
            "    layers: []  # layers it adapts (at least 0)\n"
            "  - name: high_level  # the expert\n"
            "    layers: [1, 2]  # layers it adapts (at least 0)\n");
}

struct FreeConfig {
  ConfigTree parameters;
  template <typename F>
  void fields(F& f) {
    f("parameters", parameters, "any members");
  }
};

TEST(Config, a_section_with_any_members_comes_back_as_it_was_written) {
  EXPECT_EQ(dump_config(FreeConfig{}), "parameters: {}  # any members\n");
  ConfigSource source =
      ConfigSource::from_string("parameters: {seed: null, a: [1, x, \"2\"], b: {c: true}}", "a.yaml");
  source.set("parameters.d=0.5");
  const std::string dump = dump_config(read_config<FreeConfig>(source));
  EXPECT_EQ(dump, "parameters: {seed: null, a: [1, x, \"2\"], b: {c: true}, d: 0.5}  # any members\n");
  EXPECT_EQ(dump_config(read_config<FreeConfig>(ConfigSource::from_string(dump, "b.yaml"))), dump);
  EXPECT_THAT(message_of<ConfigError>(
                  [] { read_config<FreeConfig>(ConfigSource::from_string("parameters: [1]", "a.yaml")); }),
              ::testing::HasSubstr("`parameters` must be a section"));
}

TEST(Config, an_api_key_is_refused_wherever_it_stands_and_not_shown) {
  for (const char* yaml : {"title: sk-abcdefghijklmnop", "unknown: sk-abcdefghijklmnop",
                           "sk-abcdefghijklmnop: 1", "domains: [\"x?key=sk-abcdefghijklmnop\"]"}) {
    const std::string message = message_of<ConfigError>([&] { ConfigSource::from_string(yaml, "a.yaml"); });
    EXPECT_THAT(message, ::testing::AllOf(::testing::HasSubstr("must hold no API key"),
                                          ::testing::HasSubstr("a.yaml:1"),
                                          ::testing::Not(::testing::HasSubstr("abcdef"))));
  }
  ConfigSource source = ConfigSource::empty();
  EXPECT_THAT(message_of<ConfigError>([&] { source.set("title=sk-abcdefghijklmnop"); }),
              ::testing::Not(::testing::HasSubstr("abcdef")));
}

TEST(Config, a_missing_file_is_named) {
  EXPECT_EQ(message_of<FileError>([] { ConfigSource::from_file("no/such.yaml"); }),
            "no/such.yaml must be a readable file, but the system says: No such file or directory.");
}

TEST(Config, a_file_is_named_in_problems) {
  const testing::TemporaryFolder folder;
  const auto path = folder.write("a.yaml", "\n\nseed: x\n");
  EXPECT_THAT(message_of<ConfigError>([&] { read_config<DemoConfig>(ConfigSource::from_file(path)); }),
              ::testing::EndsWith("but is x instead (" + path.string() + ":3)."));
}

TEST(Config, a_file_holds_only_what_differs_from_those_it_extends) {
  const testing::TemporaryFolder folder;
  std::filesystem::create_directory(folder / "shared");
  static_cast<void>(folder.write("shared/far.yaml", "title: far\nseed: 7\nlora: {rank: 2, dropout: 0.5}\n"));
  static_cast<void>(
      folder.write("shared/base.yaml", "extends: far.yaml\nlora:\n  rank: 4\ndomains: [food]\n"));
  const auto path =
      folder.write("own.yaml", "extends: shared/base.yaml\ntitle: own\ndomains: [electronic]\n");
  const auto config = read_config<DemoConfig>(ConfigSource::from_file(path));
  EXPECT_EQ(config.title, "own");
  EXPECT_EQ(config.seed, 7U);
  EXPECT_EQ(config.lora.rank, 4);
  EXPECT_EQ(config.lora.dropout, 0.5);
  EXPECT_THAT(config.domains, ElementsAre(Domain::kElectronic));
}

struct FilesConfig {
  std::string model;
  std::vector<std::string> more;
  template <typename F>
  void fields(F& f) {
    f("model", model, "a file", InputPath());
    f("more", more, "files", InputPath());
  }
  void complete() {
    if (model.empty()) {
      model = "the usual one";
    }
  }
};

TEST(Config, paths_are_seen_from_the_file_that_names_them_and_those_assigned_from_where_one_is) {
  const testing::TemporaryFolder folder;
  std::filesystem::create_directory(folder / "deep");
  static_cast<void>(folder.write("deep/base.yaml", "model: a.gguf\nmore: [x, /y]\n"));
  const auto path = folder.write("own.yaml", "extends: deep/base.yaml\n");
  ConfigSource source = ConfigSource::from_file(path);
  const auto config = read_config<FilesConfig>(source);
  EXPECT_EQ(config.model, (folder / "deep/a.gguf").string());
  EXPECT_EQ(config.more, (std::vector<std::string>{(folder / "deep/x").string(), "/y"}));
  source.set("model=mine.gguf");
  EXPECT_EQ(read_config<FilesConfig>(source).model, "mine.gguf");
  EXPECT_EQ(with_paths_from("/somewhere", read_config<FilesConfig>(source)).model, "/somewhere/mine.gguf");
  EXPECT_EQ(read_config<FilesConfig>(ConfigSource::from_string("model: a.gguf\n", "text")).model, "a.gguf");
}

TEST(Config, what_is_left_open_is_completed) {
  EXPECT_EQ(read_config<FilesConfig>(ConfigSource::empty()).model, "the usual one");
}

TEST(Config, a_problem_in_an_extended_file_names_that_file) {
  const testing::TemporaryFolder folder;
  const auto base = folder.write("base.yaml", "lora:\n  rank: 0\n");
  const auto path = folder.write("own.yaml", "extends: base.yaml\nseed: 2\n");
  EXPECT_THAT(message_of<ConfigError>([&] { read_config<DemoConfig>(ConfigSource::from_file(path)); }),
              ::testing::HasSubstr("(" + base.string() + ":2)"));
}

TEST(Config, files_that_extend_each_other_in_a_ring_are_refused) {
  const testing::TemporaryFolder folder;
  static_cast<void>(folder.write("b.yaml", "extends: a.yaml\n"));
  const auto path = folder.write("a.yaml", "extends: b.yaml\n");
  EXPECT_THAT(message_of<ConfigError>([&] { ConfigSource::from_file(path); }),
              ::testing::HasSubstr("`extends` must end within 8 files"));
  const auto list = folder.write("list.yaml", "extends: [a.yaml]\n");
  EXPECT_THROW(ConfigSource::from_file(list), ConfigError);
  const auto missing = folder.write("missing.yaml", "extends: none.yaml\n");
  EXPECT_THROW(ConfigSource::from_file(missing), FileError);
}

TEST(Config, a_message_shows_the_first_problems_and_counts_the_rest) {
  std::vector<std::string> problems(25, "`a` must be " + std::string(10'000, 'x'));
  const std::string message = message_of<ConfigError>([&] { throw_problems(problems); });
  EXPECT_EQ(std::count(message.begin(), message.end(), '\n'), 20);
  EXPECT_THAT(message, ::testing::HasSubstr("and 5 more problems"));
  EXPECT_LT(message.size(), 21 * 4100U);
}

TEST(Config, a_section_of_very_many_keys_is_refused) {
  std::string yaml;
  for (int i = 0; i < 50'000; ++i) {
    yaml += "k" + std::to_string(i) + ": 1\n";
  }
  EXPECT_THAT(message_of<ConfigError>([&] { ConfigSource::from_string(yaml, "own.yaml"); }),
              ::testing::HasSubstr("at most 1000 keys, but has more (own.yaml:1001)"));
}

}  // namespace
}  // namespace routedk
