// A run's folder belongs to one process at a time.
#pragma once

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "runtime/io/descriptor.h"

namespace dcgan {

struct FolderLockOptions {
  std::chrono::milliseconds renewal{10'000};
  std::chrono::milliseconds patience{60'000};
  std::function<void(const std::string&)> note;  ///< told before a wait
};

/// Holds folder/run.lock, in which pid and host of the owner stand. The system's lock on the file
/// (flock) tells whether the owner lives: it ends with the process, however that ends. Where a
/// network disk does not pass it on to other hosts, the file's time does: the owner renews it, and
/// a lock of another host that nobody has renewed for `patience` was left behind; so long a new
/// owner waits, and is refused as soon as the lock is renewed.
class FolderLock {
 public:
  /// Makes the folder when it is missing. Throws Error(config) with the owner's pid and host when
  /// another process holds it, Error(io) when the file cannot be made.
  explicit FolderLock(std::filesystem::path folder, FolderLockOptions options = {});
  /// Removes the file, and the folders that it made if nothing else is in them.
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

  /// What an owner that has ended without removing its lock had left in it; empty: nothing.
  const std::string& left_behind() const { return left_behind_; }

 private:
  void acquire();
  void require_left_behind(const std::string& owner, const std::string& host) const;
  void renew();

  FolderLockOptions options_;
  std::filesystem::path path_;
  std::filesystem::path made_;  // the topmost folder that was missing; empty: none
  Descriptor file_;
  std::string left_behind_;
  std::mutex mutex_;
  std::condition_variable ending_;
  bool ends_ = false;
  std::thread renewing_;
};

}  // namespace dcgan
