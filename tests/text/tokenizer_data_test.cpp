#include "routedk/core/random.h"
#include "routedk/io/csv.h"

#include <cstdlib>

#include "text/model.h"
#include <fmt/format.h>
#include <gtest/gtest.h>

namespace routedk::text {
namespace {

void append_little_endian(TokenId id, std::string& bytes) {
  for (unsigned shift = 0; shift < 32; shift += 8) {
    bytes += static_cast<char>((static_cast<std::uint32_t>(id) >> shift) & 0xFFU);
  }
}

TEST(TokenizerData, ids_equal_llama_cpp_on_every_title_and_intent) {
  const char* folder = std::getenv("ROUTEDK_DATA_DIR");
  if (folder == nullptr) {
    GTEST_SKIP() << "ROUTEDK_DATA_DIR must name the public data set";
  }
  ASSERT_EQ(tokenizer_golden()["files"].size(), 7U);
  for (const auto& file : tokenizer_golden()["files"].items()) {
    const std::string& name = file.key();
    std::string bytes;
    io::read_csv(std::filesystem::path(folder) / name, 2, [&](const io::CsvRow& row) {
      const std::vector<TokenId> ids = smollm2_tokenizer().encode(row.fields[1]);
      EXPECT_EQ(smollm2_tokenizer().decode(ids), row.fields[1]) << name << ":" << row.line;
      for (const TokenId id : ids) {
        append_little_endian(id, bytes);
      }
    });
    EXPECT_EQ(bytes.size() / 4, file.value()["count"].get<std::size_t>()) << name;
    EXPECT_EQ(fmt::format("{:016x}", hash64(bytes)), file.value()["fnv1a"].get<std::string>()) << name;
  }
}

}  // namespace
}  // namespace routedk::text
