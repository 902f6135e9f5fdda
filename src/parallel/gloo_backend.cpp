// c10d's Gloo backend. LibTorch exports it without Gloo's headers, which come from Debian (libgloo-dev); only
// the headers are used, nothing is linked.
#include "routedk/core/error.h"

#include <cstdlib>
#include <exception>
#include <string>
#include <thread>

#include "backend.h"
#include "nccl_backend.h"
#include <c10/util/Logging.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <netdb.h>
#include <sys/socket.h>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#include <unistd.h>

namespace routedk::parallel {
namespace {

using StorePointer = c10::intrusive_ptr<c10d::Store>;

/// The first line of a message from LibTorch or Gloo, without their source location.
std::string reason(const std::exception& error) {
  const auto* const torch = dynamic_cast<const c10::Error*>(&error);
  const std::string text = torch != nullptr ? torch->what_without_backtrace() : error.what();
  const std::size_t place = text.starts_with('[') ? text.find("] ") : std::string::npos;
  const std::size_t begin = place == std::string::npos ? 0 : place + 2;
  return text.substr(begin, text.find('\n', begin) - begin);
}

StorePointer open_store(const Launch& launch, const Patience& patience) {
  c10d::TCPStoreOptions options;
  options.port = static_cast<std::uint16_t>(launch.port);
  options.isServer = launch.rank == 0 && !launch.served;
  options.waitWorkers = false;
  options.timeout = patience.joining;
  try {
    auto store = c10::make_intrusive<c10d::TCPStore>(launch.host, options);
    return c10::make_intrusive<c10d::PrefixStore>("routedk/" + launch.attempt, store);
  } catch (const std::exception& error) {
    if (options.isServer) {
      throw_<ConfigError>(
          "rank 0 must be one process and have {}:{} to itself (MASTER_ADDR, MASTER_PORT), but cannot listen "
          "there: {}",
          launch.host, launch.port, reason(error));
    }
    throw_<SystemError>(
        "rank 0 must be reached at {}:{} (MASTER_ADDR, MASTER_PORT) within {} s, but rank {} does not reach "
        "it: {}",
        launch.host, launch.port, patience.joining.count(), launch.rank, reason(error));
  }
}

std::string key_of(int rank) {
  return fmt::format("rank/{}", rank);
}

std::vector<int> missing(c10d::Store& store, int size) {
  std::vector<int> ranks;
  for (int rank = 0; rank < size; ++rank) {
    if (!store.check({key_of(rank)})) {
      ranks.push_back(rank);
    }
  }
  return ranks;
}

/// Returns when every rank has arrived.
void meet(c10d::Store& store, const Launch& launch, const Patience& patience) {
  const std::string own = std::to_string(launch.size);
  const auto size = store.compareSet("size", std::vector<std::uint8_t>(), {own.begin(), own.end()});
  if (const std::string first(size.begin(), size.end()); first != own) {
    throw_<ConfigError>(
        "the number of processes must be the same in all, but is {} at rank {} and {} elsewhere", own,
        launch.rank, first);
  }
  if (store.add(key_of(launch.rank), 1) > 1) {
    throw_<ConfigError>("each process must have its own rank, but two have rank {} of {}", launch.rank,
                        launch.size);
  }
  const auto end = std::chrono::steady_clock::now() + patience.joining;
  for (std::vector<int> late = missing(store, launch.size); !late.empty();
       late = missing(store, launch.size)) {
    if (std::chrono::steady_clock::now() > end) {
      throw_<SystemError>("all {} processes must join within {} s, but rank {} did not (at {}:{})",
                          launch.size, patience.joining.count(), fmt::format("{}", fmt::join(late, ", ")),
                          launch.host, launch.port);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
}

/// The address of this machine's interface towards a host; "" if there is none.
std::string address_towards(const std::string& host, int port) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_DGRAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found) != 0) {
    return "";
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> all(found, freeaddrinfo);
  const int connection = ::socket(found->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  std::string name(NI_MAXHOST, '\0');
  sockaddr_storage own{};
  socklen_t length = sizeof own;
  // Connecting a datagram socket sends nothing; it only chooses the route.
  const bool known = connection >= 0 && ::connect(connection, found->ai_addr, found->ai_addrlen) == 0 &&
                     ::getsockname(connection, reinterpret_cast<sockaddr*>(&own), &length) == 0 &&
                     ::getnameinfo(reinterpret_cast<sockaddr*>(&own), length, name.data(), name.size(),
                                   nullptr, 0, NI_NUMERICHOST) == 0;
  if (connection >= 0) {
    ::close(connection);
  }
  return known ? name.substr(0, name.find('\0')) : "";
}

/// GLOO_SOCKET_IFNAME names the interface, as in PyTorch.
std::shared_ptr<::gloo::transport::Device> device_for(const Launch& launch) {
  using c10d::ProcessGroupGloo;
  if (const char* const interface = std::getenv("GLOO_SOCKET_IFNAME"); interface != nullptr) {
    return ProcessGroupGloo::createDeviceForInterface(interface, false);
  }
  const std::string address = address_towards(launch.host, launch.port);
  return address.empty() ? ProcessGroupGloo::createDefaultDevice(false)
                         : ProcessGroupGloo::createDeviceForHostname(address, false);
}

class GlooBackend : public Backend {
 public:
  GlooBackend(StorePointer store, const Launch& launch, const Patience& patience)
      : store_(std::move(store)), launch_(launch), patience_(patience) {
    auto options = c10d::ProcessGroupGloo::Options::create(patience.exchange);
    options->devices.push_back(device_for(launch));
    options->threads = 1;
    group_ = c10::make_intrusive<c10d::ProcessGroupGloo>(store_, launch.rank, launch.size, options);
  }

  bool sums_on_gpu() const noexcept override { return has_nccl(); }

  void reduce(at::Tensor& values, Reduction reduction) override {
    c10d::AllreduceOptions options;
    options.reduceOp = reduction == Reduction::kSum ? c10d::ReduceOp::SUM : c10d::ReduceOp::MAX;
    std::vector<at::Tensor> tensors{values};
    finish([&] {
      if (values.is_cuda() && !gpu_) {
        gpu_ = make_nccl(store_, launch_, patience_);
      }
      return (values.is_cuda() ? gpu_ : group_)->allreduce(tensors, options);
    });
  }

  void broadcast(at::Tensor& values) override {
    std::vector<at::Tensor> tensors{values};
    finish([&] { return group_->broadcast(tensors); });
  }

 private:
  template <typename Start>
  void finish(const Start& start) const {
    try {
      start()->wait();
    } catch (const std::exception& error) {
      throw_<SystemError>("all processes must run until the end, but rank {} has lost another: {}",
                          launch_.rank, reason(error));
    }
  }

  StorePointer store_;  // rank 0 serves it for its lifetime
  c10::intrusive_ptr<c10d::Backend> group_;
  c10::intrusive_ptr<c10d::Backend> gpu_;  ///< created at the first sum on a GPU
  Launch launch_;
  Patience patience_;
};

/// LibTorch prints errors with a stack trace, besides throwing them.
void silence_libtorch() {
  if (std::getenv("TORCH_CPP_LOG_LEVEL") == nullptr) {
    FLAGS_caffe2_log_level = c10::GLOG_FATAL;
  }
}

}  // namespace

std::shared_ptr<Backend> join(const Launch& launch, const Patience& patience) {
  silence_libtorch();
  StorePointer store = open_store(launch, patience);
  try {
    meet(*store, launch, patience);
    return std::make_shared<GlooBackend>(std::move(store), launch, patience);
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {
    const std::string address = address_towards(launch.host, launch.port);
    const bool hidden = address.starts_with("127.") && !launch.host.starts_with("127.");
    throw_<SystemError>(
        "all processes must keep running while they join, but rank {} has lost another: {}{}", launch.rank,
        reason(error),
        hidden ? fmt::format(" ({} is {} here, which no other machine reaches: name the network's "
                             "interface in GLOO_SOCKET_IFNAME, or set MASTER_ADDR to an address)",
                             launch.host, address)
               : "");
  }
}

}  // namespace routedk::parallel
