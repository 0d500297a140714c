# The git revision of the sources, for result files: target dcgan_revision writes
# generated/models/profiling/revision.h before a build, and only when it has changed, so that a
# commit recompiles one file. "-changed" behind it: tracked files differ from that commit. Sources
# that are no checkout have their revision in a file REVISION, or "unknown".
#
# Run as a script (cmake -P, with SOURCE, OUTPUT) this file is what the target runs.

if(NOT CMAKE_SCRIPT_MODE_FILE)
  set(dcgan_revision_header ${PROJECT_BINARY_DIR}/generated/models/profiling/revision.h)
  add_custom_target(dcgan_revision
    COMMAND ${CMAKE_COMMAND} -DSOURCE=${PROJECT_SOURCE_DIR} -DOUTPUT=${dcgan_revision_header}
            -P ${CMAKE_CURRENT_LIST_FILE}
    BYPRODUCTS ${dcgan_revision_header}
    COMMENT "")
  return()
endif()

set(DCGAN_REVISION "unknown")
if(EXISTS ${SOURCE}/REVISION)
  file(STRINGS ${SOURCE}/REVISION DCGAN_REVISION LIMIT_COUNT 1)
endif()
find_program(git git)
if(git AND EXISTS ${SOURCE}/.git)
  # No optional locks: someone may be committing.
  set(git ${git} --no-optional-locks -c safe.directory=* -C ${SOURCE})
  execute_process(COMMAND ${git} rev-parse --short=12 HEAD OUTPUT_VARIABLE commit
                  OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  execute_process(COMMAND ${git} status --porcelain --untracked-files=no OUTPUT_VARIABLE changes
                  ERROR_QUIET)
  if(commit AND changes)
    set(DCGAN_REVISION ${commit}-changed)
  elseif(commit)
    set(DCGAN_REVISION ${commit})
  endif()
endif()
configure_file(${SOURCE}/models/profiling/revision.h.in ${OUTPUT} @ONLY)
