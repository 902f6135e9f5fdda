/// routedk_encode_text TOKENIZER TEXT_FILE REPEATS IDS_FILE
///
/// Encodes the whole file REPEATS times on one thread, prints the seconds of each run, and writes the ids as
/// little-endian int32.
#include "routedk/core/error.h"
#include "routedk/core/files.h"
#include "routedk/text/tokenizer.h"

#include <chrono>
#include <iostream>

int main(int argc, char** argv) {
  using namespace routedk;
  try {
    if (argc != 5) {
      throw_<ConfigError>("There must be 4 arguments, but there are {}.", argc - 1);
    }
    const text::Tokenizer tokenizer = text::Tokenizer::load(argv[1]);
    const std::string text = read_file(argv[2]);
    std::vector<text::TokenId> ids;
    for (int i = std::stoi(argv[3]); i > 0; --i) {
      const auto begin = std::chrono::steady_clock::now();
      ids = tokenizer.encode(text);
      std::cout << std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count() << '\n';
    }
    write_file_atomic(argv[4],
                      {reinterpret_cast<const char*>(ids.data()), ids.size() * sizeof(text::TokenId)});
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return exit_code(error);
  }
}
