/// What is tried again, and what ends a run.
#include <array>
#include <chrono>
#include <ctime>
#include <string>
#include <thread>

#include "distill/endpoint.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace routedk::distill {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Ge;
using ::testing::HasSubstr;
using ::testing::Le;
using ::testing::Not;

TEST_F(Endpoint, after_429_it_waits_twice_as_long_each_time_half_of_it_jitter) {
  server_.script({status(429), status(429), status(429)});
  EXPECT_EQ(ask()[0].text, "hello");
  EXPECT_THAT(waits_, ElementsAre(AllOf(Ge(0.5), Le(1.0)), AllOf(Ge(1.0), Le(2.0)), AllOf(Ge(2.0), Le(4.0))));
}

TEST_F(Endpoint, waits_differ_between_requests) {
  server_.script({status(429), status(429)});
  options_.concurrency = 1;
  ask({{{{"user", "hi"}}, 1}});
  server_.script({status(429)});
  ask({{{{"user", "hi"}}, 2}});
  EXPECT_NE(waits_.front(), waits_.back());
}

TEST_F(Endpoint, retry_after_in_seconds_is_honoured) {
  server_.script({status(429, {{"Retry-After", "7"}}), status(503, {{"Retry-After", "11"}})});
  EXPECT_EQ(ask()[0].text, "hello");
  EXPECT_THAT(waits_, ElementsAre(7.0, 11.0));
}

TEST_F(Endpoint, retry_after_as_a_date_is_honoured) {
  const std::time_t then = std::time(nullptr) + 30;
  std::array<char, 64> date{};
  std::strftime(date.data(), date.size(), "%a, %d %b %Y %H:%M:%S GMT", std::gmtime(&then));
  server_.script({status(429, {{"Retry-After", date.data()}})});
  ask();
  EXPECT_THAT(waits_, ElementsAre(AllOf(Ge(25.0), Le(30.0))));
}

TEST_F(Endpoint, a_pause_longer_than_allowed_stops_the_run) {
  server_.script({status(429, {{"Retry-After", "3600"}})});
  EXPECT_THAT(error<SystemError>(), HasSubstr("asks for 3600 s"));
  EXPECT_EQ(sent(), 1U);
}

TEST_F(Endpoint, a_server_error_passes) {
  server_.script({status(500), status(502), status(503)});
  EXPECT_EQ(ask()[0].text, "hello");
  EXPECT_EQ(sent(), 4U);
}

TEST_F(Endpoint, a_server_that_hangs_is_asked_again) {
  options_.http.connect_seconds = 0.5;
  options_.http.read_seconds = 0.5;
  server_.script({[](const auto&, httplib::Response& response) {
    std::this_thread::sleep_for(std::chrono::seconds(3));
    response.set_content(completion("late"), "application/json");
  }});
  EXPECT_EQ(ask()[0].text, "hello");
  EXPECT_EQ(sent(), 2U);
}

TEST_F(Endpoint, a_response_that_drips_is_cut_off_and_asked_for_again) {
  options_.http.connect_seconds = 0.5;
  options_.http.read_seconds = 0.5;
  server_.script({[](const auto&, httplib::Response& response) {
    const std::string text = completion("drip");
    response.set_content_provider(text.size(), "application/json",
                                  [text](std::size_t at, std::size_t, httplib::DataSink& sink) {
                                    std::this_thread::sleep_for(std::chrono::milliseconds(50));
                                    return sink.write(&text[at], 1);
                                  });
  }});
  const auto begun = std::chrono::steady_clock::now();
  EXPECT_EQ(ask()[0].text, "hello");
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(5));  // all of it: 6 s
  EXPECT_EQ(sent(), 2U);
}

TEST_F(Endpoint, a_connection_reset_within_the_body_is_made_again) {
  server_.script({[](const auto&, httplib::Response& response) {
    const std::string text = completion("half");
    response.set_content_provider(text.size(), "application/json",
                                  [text](std::size_t at, std::size_t, httplib::DataSink& sink) {
                                    return at == 0 && sink.write(text.data(), text.size() / 2);
                                  });
  }});
  EXPECT_EQ(ask()[0].text, "hello");
  EXPECT_EQ(sent(), 2U);
}

TEST_F(Endpoint, after_the_last_attempt_it_gives_up) {
  options_.attempts = 3;
  server_.usually(status(500));
  EXPECT_THAT(error<SystemError>(), HasSubstr("answers 500"));
  EXPECT_EQ(sent(), 3U);
  EXPECT_EQ(waits_.size(), 2U);
}

TEST_F(Endpoint, a_refusal_is_not_tried_again_and_its_message_never_shows_the_key) {
  server_.usually(status(401, {}, R"({"error": {"message": "bad key sk-very-secret\nhere"}})"));
  EXPECT_THAT(error<ConfigError>(),
              AllOf(HasSubstr("answers 401 (\"bad key *** here\")"), Not(HasSubstr(kKey))));
  EXPECT_EQ(sent(), 1U);
}

TEST_F(Endpoint, a_redirect_to_another_host_is_refused) {
  FaultyServer other;
  server_.usually(status(307, {{"Location", other.url() + "/chat/completions"}}));
  EXPECT_THAT(error<ConfigError>(), HasSubstr("redirects with 307"));
  EXPECT_EQ(sent(), 1U);
  EXPECT_TRUE(other.requests().empty());
}

TEST_F(Endpoint, a_port_nobody_listens_on_is_tried_again_and_named) {
  {
    const FaultyServer gone;
    options_.url = gone.url();
  }
  options_.attempts = 2;
  EXPECT_THAT(error<TransportError>(), HasSubstr(options_.url));
  EXPECT_EQ(waits_.size(), 1U);
}

}  // namespace
}  // namespace routedk::distill
