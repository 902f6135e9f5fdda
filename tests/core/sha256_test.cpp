#include "routedk/core/sha256.h"

#include <gtest/gtest.h>

namespace routedk {
namespace {

std::string bytes(std::size_t count) {
  std::string made(count, '\0');
  for (std::size_t i = 0; i < count; ++i) {
    made[i] = static_cast<char>(i * 7);
  }
  return made;
}

TEST(Sha256, gives_the_digests_of_fips_180_4) {
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256_hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

// Bytes 0, 7, 14, ... by Python 3.11's hashlib, on both sides of where the padding needs another block.
TEST(Sha256, pads_every_length_as_the_reference_does) {
  EXPECT_EQ(sha256_hex(bytes(55)), "576a1bf8d4478657e6dc4af9398544765c2a92cde28478b019235cfed315fc09");
  EXPECT_EQ(sha256_hex(bytes(56)), "9b20501dfd1d99161c257950f3444f3e49230c351c5c8e0943ef369f85f5205d");
  EXPECT_EQ(sha256_hex(bytes(63)), "30b345906b493f06f69444b6521113511c242f30e29840462950035043682f1e");
  EXPECT_EQ(sha256_hex(bytes(64)), "d8bc63b4fc1156e5e7d95a418b9bf54cd3174bedbc2db40f74895349b229b3c0");
  EXPECT_EQ(sha256_hex(bytes(65)), "1ee23b0fbcaecc1aff4a9e8f1645f35ab2c8e13609cd73b68df8b5e3f63ce073");
  EXPECT_EQ(sha256_hex(bytes(1000)), "89f4ff56a25dd1db06a4ce6033603775d705fb96f30f8693733fef602a1ca532");
}

}  // namespace
}  // namespace routedk
