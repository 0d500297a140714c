// What a folder holds and a data set does not: counted by reason, so that nothing goes unsaid.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace dcgan {

enum class LeftOutReason {
  system_name,     ///< hidden (".x", "._x.jpg"), or made by a system (Thumbs.db, __MACOSX)
  run_output,      ///< written by a training run
  beside_classes,  ///< pictures beside class folders
  empty_class,     ///< folders beside class folders, without a picture
  no_picture,      ///< in none of the formats of decode_image()
  unopened,        ///< of no picture's name, and its contents cannot be looked at
};

struct LeftOut {
  LeftOutReason reason = LeftOutReason::no_picture;
  std::int64_t count = 0;  ///< of files and folders; what is in such a folder is not counted
  std::string example;     ///< relative to the data set's folder, the first in bytewise order
};

/// Counts one more; `list` stays in the order of the reasons.
void add_left_out(std::vector<LeftOut>& list, LeftOutReason reason, const std::string& name);

/// May it be data? Names of systems and a run's own files are not.
bool might_be_data(LeftOutReason reason);

/// "8 with hidden or system names (._a.jpg, ...); 1 that is no picture (notes.txt)"; empty for
/// none.
std::string describe(const std::vector<LeftOut>& list);

/// Hidden, or a name that a system gives to its own files and folders, in any case.
bool is_system_name(const std::string& name);

}  // namespace dcgan
