#include "io/poller.h"

#include <sys/epoll.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "base/check.h"

namespace trunkyard::io {

struct Poller::Batch {
  explicit Batch(std::uint32_t batch_max) : events(batch_max), tags(batch_max) {}
  std::vector<epoll_event> events;
  std::vector<std::uint64_t> tags;
};

Poller::Poller(File file, std::unique_ptr<Batch> batch) noexcept
    : file_(std::move(file)), batch_(std::move(batch)) {}
Poller::Poller(Poller&&) noexcept = default;
Poller::~Poller() = default;

Result<Poller> Poller::create(std::uint32_t batch_max) {
  CHECK(batch_max > 0);
  CHECK(batch_max <= 4096);
  File file(::epoll_create1(EPOLL_CLOEXEC));
  if (!file.open()) return Error{ErrorCode::kSystemCallFailed};
  return Poller(std::move(file), std::make_unique<Batch>(batch_max));
}

Result<void> Poller::add(int descriptor, std::uint64_t tag) noexcept {
  epoll_event event = {};
  event.events = EPOLLIN;
  event.data.u64 = tag;
  if (::epoll_ctl(file_.descriptor(), EPOLL_CTL_ADD, descriptor, &event) != 0) {
    return Error{ErrorCode::kSystemCallFailed};
  }
  return {};
}

void Poller::remove(int descriptor) noexcept {
  (void)::epoll_ctl(file_.descriptor(), EPOLL_CTL_DEL, descriptor, nullptr);
}

std::span<const std::uint64_t> Poller::wait(std::uint32_t timeout_ms) noexcept {
  const int ready = ::epoll_wait(file_.descriptor(), batch_->events.data(),
                                 static_cast<int>(batch_->events.size()),
                                 static_cast<int>(std::min(timeout_ms, 60'000u)));
  if (ready <= 0) return {};  // EINTR, too, is only a short sleep
  const auto count = static_cast<std::size_t>(ready);
  for (std::size_t index = 0; index < count; ++index) {
    batch_->tags[index] = batch_->events[index].data.u64;
  }
  return std::span<const std::uint64_t>(batch_->tags).first(count);
}

}  // namespace trunkyard::io
