"""Linphone without a screen: liblinphone, driven by lines on standard input, telling what it hears as lines of JSON.

Started as: linphone.py FOLDER SERVER USER PASSWORD GROUP FRIEND...
It registers at SERVER as USER, and watches the dialogs and the presence of each friend, and the dialogs of a group as a list.
A line "away", "busy", "dnd" or "online" on standard input publishes that, "call ADDRESS" calls; its end ends the program.
"""
import ctypes
import ctypes.util
import json
import os
import queue
import sys
import threading
import time

folder, server, user, password, group, *friends = sys.argv[1:]
os.environ["HOME"] = folder
os.makedirs(os.path.join(folder, ".local/share/linphone"), exist_ok=True)
lib = ctypes.CDLL(ctypes.util.find_library("linphone"))
pointer, text, number = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int

# What liblinphone calls the activities (LinphonePresenceActivityType), and what it makes of others' (LinphoneConsolidatedPresence).
activities = {"away": 1, "busy": 3}
consolidated = ["online", "busy", "dnd", "offline"]


def call(name, *args, result=pointer):
    f = getattr(lib, "linphone_" + name)
    f.restype = result
    f.argtypes = [pointer if a is None or isinstance(a, int) and a > 1 << 20 else text if isinstance(a, bytes) else number
                  if isinstance(a, int) else type(a) for a in args]
    return f(*args)


def say(what, **more):
    print(json.dumps({"what": what, **more}), flush=True)


def size(items):
    f = ctypes.CDLL(ctypes.util.find_library("bctoolbox")).bctbx_list_size
    f.restype, f.argtypes = ctypes.c_size_t, [pointer]
    return f(items)


def uri(address):
    return call("address_as_string_uri_only", address, result=text).decode() if address else ""


with open(os.path.join(folder, "rc"), "w") as f:
    f.write(f"""
[sip]
sip_port=-1
use_ipv6=0
auto_net_state_mon=0
sip_tcp_port=-1
sip_tls_port=0
default_proxy=0
[proxy_0]
reg_proxy=<sip:{server};transport=udp>
reg_identity=<sip:{user}@{server}>
reg_expires=300
reg_sendregister=1
publish=1
publish_expires=300
[auth_info_0]
username={user}
passwd={password}
[sound]
playback_dev_id=
[rtp]
audio_rtp_port=-1
[misc]
file_transfer_server_url=
""")


@ctypes.CFUNCTYPE(None, pointer, pointer)
def presence(core, friend):
    state = call("friend_get_consolidated_presence", friend, result=number)
    say("presence", uri=uri(call("friend_get_address", friend)), state=consolidated[state])


@ctypes.CFUNCTYPE(None, pointer, pointer, text, pointer)
def notify(core, event, package, body):
    parts = [body]
    if call("content_is_multipart", body, result=number) & 1:
        parts = [call("content_get_part", body, n) for n in range(size(call("content_get_parts", body)))]
    say("notify", uri=uri(call("event_get_to", event)), event=package.decode(),
        parts=[(call("content_get_utf8_text", p, result=text) or b"").decode() for p in parts])


@ctypes.CFUNCTYPE(None, pointer, pointer, number, text)
def registered(core, proxy, state, message):
    say("registration", state=state, message=message.decode())


@ctypes.CFUNCTYPE(None, pointer, pointer, pointer)
def message(core, room, msg):
    say("message", text=call("chat_message_get_utf8_text", msg, result=text).decode())


@ctypes.CFUNCTYPE(None, pointer, pointer, number, text)
def called(core, session, state, message):
    say("call", state=state, message=message.decode())


def subscribe(where, supported=None):
    event = call("core_create_subscribe", core, call("core_create_address", core, where), b"dialog", 600)
    if supported:
        call("event_add_custom_header", event, b"Supported", supported)
    call("event_send_subscribe", event, None)


factory = call("factory_get")
hooks = call("factory_create_core_cbs", factory)
call("core_cbs_set_notify_presence_received", hooks, presence)
call("core_cbs_set_notify_received", hooks, notify)
call("core_cbs_set_registration_state_changed", hooks, registered)
call("core_cbs_set_message_received", hooks, message)
call("core_cbs_set_call_state_changed", hooks, called)
core = call("factory_create_core_3", factory, os.path.join(folder, "rc").encode(), None, None)
call("core_add_callbacks", core, hooks)
call("core_enable_friend_list_subscription", core, 1)
call("core_set_use_files", core, 1)
call("core_start", core)
transports = call("factory_create_transports", factory)
call("transports_set_udp_port", transports, -1)
call("core_set_transports", core, transports)
call("core_set_network_reachable", core, 1)

friend_list = call("core_get_default_friend_list", core)
for name in friends:
    where = f"sip:{name}@{server}".encode()
    friend = call("core_create_friend_with_address", core, where)
    call("friend_enable_subscribes", friend, 1)
    call("friend_list_add_friend", friend_list, friend)
    subscribe(where)
subscribe(f"sip:{group}@{server}".encode(), b"eventlist")
orders = queue.Queue()


def read():
    for line in sys.stdin:
        orders.put(line.strip())
    orders.put("end")


threading.Thread(target=read, daemon=True).start()
while True:
    call("core_iterate", core, result=None)
    try:
        order = orders.get(timeout=0.02)
    except queue.Empty:
        continue
    if order == "end":
        break
    if order.startswith("call "):
        call("core_invite", core, order[5:].encode())
        continue
    if order == "dnd":  # as its own applications set it
        call("core_set_consolidated_presence", core, consolidated.index("dnd"), result=None)
        continue
    if order == "online":
        model = call("core_create_presence_model", core)
    else:
        model = call("core_create_presence_model_with_activity", core, activities[order], None)
    call("core_set_presence_model", core, model)
call("core_stop", core)
