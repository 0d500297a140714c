// The main function of every test program.
#include <cstdlib>

namespace {
// No test reads or writes the plan cache of the user who runs it.
[[maybe_unused]] const int kNoPlanCache = ::setenv("DCGAN_CACHE", "off", /*overwrite=*/0);
}  // namespace

#if !__has_include(<catch2/catch_all.hpp>)
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>
#else
#include <catch2/catch_session.hpp>
int main(int argc, char** argv) { return Catch::Session().run(argc, argv); }
#endif
