// A run's folder belongs to one process at a time.
#pragma once

#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <string>
#include <thread>

#include "runtime/io/descriptor.h"

namespace dcgan {

/// Holds folder/run.lock, in which pid and host of the owner stand. The system's lock on the file
/// (flock) tells whether the owner lives: it ends with the process, however that ends. Where a
/// network disk does not pass it on to other hosts, the file's time does: the owner renews it every
/// 10 s, and a lock of another host counts as left behind when it is a minute old.
class FolderLock {
 public:
  /// Makes the folder when it is missing. Throws Error(config) with the owner's pid and host when
  /// another process holds it, Error(io) when the file cannot be made.
  explicit FolderLock(std::filesystem::path folder);
  /// Removes the file, and the folders that it made if nothing else is in them.
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

  /// What an owner that has ended without removing its lock had left in it; empty: nothing.
  const std::string& left_behind() const { return left_behind_; }

 private:
  void acquire();
  void renew();

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
