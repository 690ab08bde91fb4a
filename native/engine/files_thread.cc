#include "engine/files_thread.h"

#include <chrono>
#include <utility>

#include "base/check.h"
#include "engine/recording_recovery.h"
#include "io/clock.h"
#include "io/process.h"

namespace trunkyard::engine {

using contract::Code;

namespace {

/// While clips wait to be unmapped, that is looked at so often.
constexpr std::chrono::milliseconds kLookEvery{100};
/// While something is recorded: a tap has room for many times as much.
constexpr std::chrono::milliseconds kWriteEvery{20};
/// While there is nothing to do. Requests ring, so this decides about nothing.
constexpr std::chrono::milliseconds kRestMax{1'000};

constexpr std::uint64_t kSamplesPerMs48k = 48;

}  // namespace

Result<std::unique_ptr<FilesThread>> FilesThread::start(const Config& config) {
  std::optional<io::Folder> folder;
  if (!config.folder.empty()) {
    Result<io::Folder> opened = io::Folder::open(config.folder.c_str());
    if (!opened) return Error{opened.error()};
    folder.emplace(std::move(*opened));
  }
  std::uint32_t recovered = 0;
  if (folder) {
    // What another host is writing looks like what a killed one has left.
    if (folder->take_alone()) recovered = recover_recordings(*folder);
    folder->share();
  }
  std::unique_ptr<FilesThread> made(new FilesThread(config, std::move(folder)));
  made->recovered_ = recovered;
  made->thread_ = std::thread([files = made.get()] { files->run(); });
  return made;
}

FilesThread::FilesThread(const Config& config, std::optional<io::Folder> folder)
    : folder_(std::move(folder)), recordings_(folder_ ? &*folder_ : nullptr, config.isa) {
  for (std::uint32_t thread = 0; thread < config.threads; ++thread) {
    lanes_.push_back(std::make_unique<Lane>());
    lanes_.back()->index = thread;
  }
}

FilesThread::~FilesThread() {
  stopping_.store(true, std::memory_order_release);
  bell_.release();
  if (thread_.joinable()) thread_.join();
}

void FilesThread::run() noexcept {
  io::name_thread("media-files");
  while (!stopping_.load(std::memory_order_acquire)) {
    const bool waiting = !serve() || clips_.sweep() > 0;
    write_recordings();
    if (recordings_.behind()) continue;
    const auto rest = waiting ? kLookEvery : kRestMax;
    (void)bell_.try_acquire_for(recordings_.size() > 0 ? kWriteEvery : rest);
  }
  // The media threads have ended, and with them every tap: what they brought is made whole.
  (void)serve();
  do {
    write_recordings();
  } while (recordings_.behind());
}

bool FilesThread::serve() noexcept {
  bool empty = true;
  for (const auto& lane : lanes_) {
    FileRequest request;
    // No request is taken out whose answer has no room: its media thread is behind.
    while (lane->answers.free_count() > 0 && lane->requests.try_pop_record(request)) {
      carry_out(*lane, request);
      // A large clip takes a second to be read and checked, a slow disk as long to make a file.
      recordings_.take_feeds(io::now());
    }
    empty = empty && lane->requests.available() == 0;
  }
  return empty;
}

void FilesThread::write_recordings() noexcept {
  recordings_.write(io::now());
  for (std::size_t lane = 0; lane < lanes_.size(); ++lane) {
    const FileAnswer* ended = nullptr;
    while (lanes_[lane]->answers.free_count() > 0 &&
           (ended = recordings_.first_ended(lane)) != nullptr) {
      CHECK(lanes_[lane]->answers.try_push_record(*ended));
      recordings_.pop_ended(lane);
    }
  }
}

void FilesThread::carry_out(Lane& lane, const FileRequest& request) noexcept {
  if (request.kind == FileRequest::Kind::kRecord) {
    // Whoever ordered it: its feed has to be taken in hand.
    recordings_.start(lane.index, request, io::now());
    return;
  }
  follow_client(request.epoch);
  if (request.epoch != epoch_) return;  // nobody waits for the answer any more
  FileAnswer answer;
  switch (request.kind) {
    case FileRequest::Kind::kNewClient:
    case FileRequest::Kind::kRecord:
      return;
    case FileRequest::Kind::kLoadClip:
      answer = load_clip(request);
      break;
    case FileRequest::Kind::kUnloadClip:
      answer = {.kind = FileAnswer::Kind::kClipUnloaded,
                .code = clips_.retire(request.clip) ? Code::kOk : Code::kHandleStale,
                .clip = request.clip};
      break;
  }
  answer.epoch = request.epoch;
  answer.order = request.order;
  CHECK(lane.answers.try_push_record(answer));
}

/// Media threads hear of a new client one after the other; the first to say so counts.
void FilesThread::follow_client(std::uint32_t epoch) noexcept {
  if (static_cast<std::int32_t>(epoch - epoch_) <= 0) return;
  epoch_ = epoch;
  // Whoever loaded them is gone, and nobody else knows their handles.
  clips_.retire_all();
}

FileAnswer FilesThread::load_clip(const FileRequest& request) noexcept {
  FileAnswer answer{.kind = FileAnswer::Kind::kClipLoaded, .code = Code::kFileFailed};
  if (!folder_) return answer;
  Result<io::MappedFile> file = io::MappedFile::open(*folder_, request.name.data(), kClipBytesMax,
                                                     io::MappedFile::Use::kOften);
  if (!file) {
    if (file.error() == ErrorCode::kBufferFull) answer.code = Code::kClipInvalid;
    return answer;
  }
  const Result<std::uint32_t> clip = clips_.add(std::move(*file), request.epoch);
  if (!clip) {
    answer.code = clip.error() == ErrorCode::kBufferFull ? Code::kMemoryFull : Code::kClipInvalid;
    return answer;
  }
  answer.code = Code::kOk;
  answer.clip = *clip;
  const spool::ClipView* view = clips_.take(*clip, request.epoch);
  answer.duration_ms =
      static_cast<std::uint32_t>(view->facts().duration_samples_48k / kSamplesPerMs48k);
  clips_.give_back(*clip);
  return answer;
}

}  // namespace trunkyard::engine
