#include "routedk/io/json_field.h"

#include "routedk/core/error.h"
#include "routedk/io/safetensors.h"

#include "core/temporary_folder.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace routedk::io {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

JsonField document(const std::string& text) {
  return {Json::parse(text), "some.json"};
}

/// The message of the FileError that reading ends with.
template <typename Read>
std::string field_refusal(const Read& read) {
  return testing::message_of<FileError>(read);
}

TEST(JsonField, a_value_is_read_by_its_type) {
  const JsonField root = document(R"({"text": "a", "whole": -3, "real": 0.5, "yes": true, "texts": ["a", "b"],
                                      "inner": {"list": [{"x": 7}]}})");
  EXPECT_EQ(root["text"].text(), "a");
  EXPECT_TRUE(root["text"].is("a"));
  EXPECT_EQ(root["whole"].integer(), -3);
  EXPECT_EQ(root["real"].real(), 0.5);
  EXPECT_EQ(root["whole"].real(), -3.0);
  EXPECT_TRUE(root["yes"].boolean(false));
  EXPECT_THAT(root["texts"].texts(), ElementsAre("a", "b"));
  EXPECT_EQ(root["text"].choice({"b", "a"}), 1U);
  EXPECT_EQ(root["inner"]["list"].items().at(0)["x"].integer(7, 7), 7);
}

TEST(JsonField, what_is_null_or_missing_is_absent_and_has_a_default) {
  const JsonField root = document(R"({"null": null})");
  for (const char* key : {"null", "missing"}) {
    EXPECT_TRUE(root[key].absent());
    EXPECT_EQ(root[key].text_or("x"), "x");
    EXPECT_EQ(root[key].real_or(2.0), 2.0);
    EXPECT_TRUE(root[key].boolean(true));
    EXPECT_TRUE(root[key].items().empty());
    EXPECT_TRUE(root[key].texts().empty());
  }
}

TEST(JsonField, a_field_outlives_the_root_it_was_reached_from) {
  const JsonField field = document(R"({"a": {"b": "text"}})")["a"]["b"];
  EXPECT_EQ(field.text(), "text");
  EXPECT_EQ(field.place(), "`a.b` in some.json");
}

TEST(JsonField, a_wrong_type_is_named_with_path_rule_value_and_source) {
  const JsonField root = document(R"({"a": {"list": [1, {"x": "1"}]}})");
  const JsonField x = root["a"]["list"].items().at(1)["x"];
  EXPECT_EQ(field_refusal([&] { x.integer(); }),
            "`a.list[1].x` must be an integer, but is \"1\" instead (some.json).");
  EXPECT_EQ(field_refusal([&] { x.real(); }),
            "`a.list[1].x` must be a number, but is \"1\" instead (some.json).");
  EXPECT_EQ(field_refusal([&] { x.boolean(false); }),
            "`a.list[1].x` must be true or false, but is \"1\" instead (some.json).");
  EXPECT_EQ(field_refusal([&] { x.items(); }),
            "`a.list[1].x` must be a list, but is \"1\" instead (some.json).");
  EXPECT_EQ(field_refusal([&] { x["y"]; }),
            "`a.list[1].x` must be an object, but is \"1\" instead (some.json).");
  EXPECT_EQ(field_refusal([&] { root["a"]["list"].texts(); }),
            "`a.list[0]` must be a text, but is 1 instead (some.json).");
  EXPECT_EQ(field_refusal([&] { root["b"].text(); }),
            "`b` must be a text, but is missing instead (some.json).");
  EXPECT_EQ(field_refusal([] { document("[1]")["a"]; }),
            "the document must be a JSON object, but is [1] instead (some.json).");
}

TEST(JsonField, an_integer_keeps_its_range_to_the_last_one) {
  const auto integer = [](const std::string& number) { return document("{\"n\": " + number + "}")["n"]; };
  EXPECT_EQ(integer("9223372036854775807").integer(), INT64_MAX);
  EXPECT_EQ(integer("-9223372036854775808").integer(), INT64_MIN);
  EXPECT_EQ(integer("18446744073709551615").integer<std::uint64_t>(), UINT64_MAX);
  EXPECT_EQ(integer("3").integer(1, 3), 3);
  EXPECT_THAT(field_refusal([&] { integer("9223372036854775808").integer(); }),
              HasSubstr("must be an integer,"));
  EXPECT_THAT(field_refusal([&] { integer("2.0").integer(); }), HasSubstr("must be an integer,"));
  EXPECT_THAT(field_refusal([&] { integer("-1").integer<std::uint64_t>(); }),
              HasSubstr("an integer of at least 0"));
  EXPECT_THAT(field_refusal([&] { integer("0").integer(1); }),
              HasSubstr("an integer of at least 1, but is 0"));
  EXPECT_THAT(field_refusal([&] { integer("4").integer(1, 3); }),
              HasSubstr("an integer from 1 to 3, but is 4"));
}

TEST(JsonField, a_number_keeps_its_range) {
  const JsonField n = document(R"({"n": 1.5})")["n"];
  EXPECT_EQ(n.real(0, 1.5), 1.5);
  EXPECT_THAT(field_refusal([&] { n.real(2); }), HasSubstr("must be a number of at least 2, but is 1.5"));
  EXPECT_THAT(field_refusal([&] { n.real(0, 1); }), HasSubstr("must be a number from 0 to 1, but is 1.5"));
}

TEST(JsonField, a_choice_lists_its_names) {
  const JsonField field = document(R"({"kind": "c"})")["kind"];
  EXPECT_THAT(field_refusal([&] { field.choice({"a"}); }), HasSubstr("must be a, but is \"c\""));
  EXPECT_THAT(field_refusal([&] { field.choice({"a", "b"}); }), HasSubstr("must be a or b, but is \"c\""));
  EXPECT_THAT(field_refusal([&] { field.choice({"a", "b", "d"}); }), HasSubstr("must be a, b or d, but is"));
  EXPECT_EQ(document(R"({"dtype": "BF16"})")["dtype"].choice<Dtype>(), Dtype::kBF16);
  EXPECT_THAT(field_refusal([&] { field.choice<Dtype>(); }), HasSubstr("must be F64, F32,"));
}

TEST(JsonField, an_unknown_member_is_named_unless_it_is_null) {
  const JsonField root = document(R"({"a": 1, "b": {"x": 2}, "c": null})");
  EXPECT_NO_THROW(root.allow_only({"a", "b"}));
  EXPECT_EQ(field_refusal([&] { root.allow_only({"a"}); }),
            "`b` must be absent (known are a), but is {\"x\":2} instead (some.json).");
  EXPECT_THAT(field_refusal([&] {
                root["b"].allow_only({"y", "z"});
              }),
              HasSubstr("`b.x` must be absent (known are y, z)"));
}

TEST(JsonField, a_long_value_or_path_is_shown_in_part) {
  const std::string many(100'000, 'x');
  const std::string message =
      field_refusal([&] { document("{\"" + many + "\": \"" + many + "\"}")[many].real(); });
  EXPECT_LT(message.size(), 400U);
  EXPECT_THAT(message, HasSubstr("...` must be a number, but is \"xxx"));
}

TEST(JsonField, a_file_is_read_whole_and_named_in_errors) {
  const testing::TemporaryFolder folder;
  const auto path = folder.write("a.json", R"({"r": 4})");
  EXPECT_EQ(read_json_field(path)["r"].integer(), 4);
  EXPECT_THAT(field_refusal([&] { read_json_field(path)["r"].text(); }),
              HasSubstr("(" + path.string() + ")"));
  EXPECT_THAT(field_refusal([&] { read_json_field(folder / "none.json"); }), HasSubstr("none.json"));
  EXPECT_THAT(field_refusal([&] { read_json_field(folder.write("b.json", "{")); }),
              HasSubstr("b.json must be JSON"));
}

TEST(JsonField, a_file_beyond_64_mib_is_refused_before_it_is_read) {
  const testing::TemporaryFolder folder;
  const auto path = folder.write("huge.json", "{}");
  std::filesystem::resize_file(path, std::uintmax_t{1} << 40U);  // no memory could hold it
  EXPECT_THAT(field_refusal([&] { read_json_field(path); }),
              HasSubstr("at most 67108864 bytes, but has 1099511627776 instead"));
}

TEST(JsonField, a_document_with_sorted_keys_is_read_alike) {
  const BasicJsonField<nlohmann::json> root(nlohmann::json::parse(R"({"b": [2], "a": "x"})"), "sorted.json");
  EXPECT_EQ(root["b"].items().at(0).integer(), 2);
  EXPECT_THAT(field_refusal([&] { root["a"].integer(); }),
              HasSubstr("`a` must be an integer, but is \"x\" instead"));
}

}  // namespace
}  // namespace routedk::io
