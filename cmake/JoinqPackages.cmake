# SPDX-License-Identifier: Apache-2.0
#
# What is taken from the system, each as one imported target:
#   Isal::isal   LibEv::ev   MsgpackC::msgpackc   Uthash::uthash   OpenSSL::SSL   Confuse::confuse   Cmocka::cmocka   Threads::Threads
#   Jansson::jansson   Microhttpd::microhttpd

find_package(Isal REQUIRED)
find_package(LibEv REQUIRED)
find_package(MsgpackC REQUIRED)
find_package(Uthash REQUIRED)
find_package(OpenSSL 3.0 REQUIRED COMPONENTS Crypto SSL)
find_package(Confuse 3.3 REQUIRED)
find_package(Threads REQUIRED)
find_package(Jansson REQUIRED)
find_package(Microhttpd REQUIRED)
find_package(Systemd)
if(JOINQ_TESTS)
  find_package(Cmocka REQUIRED)
endif()
