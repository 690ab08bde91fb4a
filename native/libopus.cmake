# libopus, compiled from the source inside the package @discordjs/opus; included by CMakeLists.txt. What it is made of
# says scripts/libopus.mjs, which binding.gyp asks too.
set(LIBOPUS_SCRIPT "${ROOT}/scripts/libopus.mjs")
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64)$")
  set(LIBOPUS_ARCH x64)
else()
  set(LIBOPUS_ARCH arm64)
endif()
function(ask_libopus what result)
  execute_process(COMMAND node "${LIBOPUS_SCRIPT}" ${what} ${LIBOPUS_ARCH}
    WORKING_DIRECTORY "${ROOT}" OUTPUT_VARIABLE answer OUTPUT_STRIP_TRAILING_WHITESPACE
    ERROR_VARIABLE reason RESULT_VARIABLE status)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "scripts/libopus.mjs ${what}: ${status} ${reason}")
  endif()
  string(REGEX REPLACE "\n" ";" lines "${answer}")
  set(${result} "${lines}" PARENT_SCOPE)
endfunction()
function(ask_libopus_paths what result)
  ask_libopus(${what} lines)
  list(TRANSFORM lines PREPEND "${ROOT}/")
  set(${result} "${lines}" PARENT_SCOPE)
endfunction()

ask_libopus_paths(lists LIBOPUS_LISTS)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${LIBOPUS_SCRIPT}" ${LIBOPUS_LISTS})
ask_libopus_paths(plain LIBOPUS_SOURCES)
ask_libopus_paths(sse4_1 LIBOPUS_SSE41_SOURCES)
ask_libopus_paths(includes LIBOPUS_INCLUDES)
ask_libopus(defines LIBOPUS_DEFINES)
ask_libopus_paths(public LIBOPUS_PUBLIC_INCLUDE)

set_source_files_properties(${LIBOPUS_SSE41_SOURCES} PROPERTIES COMPILE_OPTIONS -msse4.1)
add_library(libopus STATIC ${LIBOPUS_SOURCES} ${LIBOPUS_SSE41_SOURCES})
set_target_properties(libopus PROPERTIES OUTPUT_NAME opus)
target_compile_definitions(libopus PRIVATE ${LIBOPUS_DEFINES})
target_include_directories(libopus PRIVATE ${LIBOPUS_INCLUDES})
target_include_directories(libopus SYSTEM INTERFACE "${LIBOPUS_PUBLIC_INCLUDE}")
# Not ours to be warned about. -O3 in every flavour: under a sanitizer it would be slow otherwise.
target_compile_options(libopus PRIVATE -w -O3)
# It shares nothing between threads.
if(TRUNKYARD_SANITIZE STREQUAL "thread")
  target_compile_options(libopus PRIVATE -fno-sanitize=thread)
endif()
