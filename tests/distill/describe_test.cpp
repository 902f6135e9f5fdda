#include "routedk/distill/describe.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace routedk::distill {
namespace {

TEST(Describe, a_title_is_the_last_words_of_its_first_clause) {
  EXPECT_EQ(describe_title("EN-EL15 Battery Charger for Nikon 1 V1, D60"), "battery charger");
  EXPECT_EQ(describe_title("Plugable USB 2.0 Flash Memory Card Reader with Cable"), "card reader");
  EXPECT_EQ(describe_title("Tommy Star Print Boxer (Pack of 3)"), "print boxer");
  EXPECT_EQ(describe_title("Desk Lamp - Brass"), "desk lamp");
  EXPECT_EQ(describe_title("Lamp"), "lamp");
}

TEST(Describe, fillers_digits_and_outer_punctuation_are_no_names) {
  EXPECT_EQ(describe_title("5 in 1 Reader"), "reader");
  EXPECT_EQ(describe_title("Mac & Cheese!! 12 oz."), "mac cheese");
  EXPECT_EQ(describe_title("'Wi-Fi' Router-"), "wi-fi router");
}

TEST(Describe, a_first_clause_without_names_falls_back_on_the_title) {
  EXPECT_EQ(describe_title("32GB, Kingston Flash Drive"), "32gb, kingston");
  EXPECT_EQ(describe_title("501"), "501");
  EXPECT_EQ(describe_title("\u8336"), "\u8336");
}

TEST(Describe, an_item_without_category_is_described_by_its_title) {
  EXPECT_EQ(describe_kind({1, "Brass Desk Lamp", "[[Home,Lamps]]"}), "Lamps");
  EXPECT_EQ(describe_kind({1, "Brass Desk Lamp", "[[]]"}), "desk lamp");
}

TEST(Describe, words_are_lowered_runs_of_letters_and_digits) {
  EXPECT_EQ(words_of("  USB-C 2.0, usb!"), (std::vector<std::string>{"usb", "c", "2", "0", "usb"}));
  EXPECT_TRUE(words_of(" ,;").empty());
}

}  // namespace
}  // namespace routedk::distill
