package ari

// What a PBX laid out by FreePBX does differently; its dialplan is generated, and alike everywhere.
const (
	// freePBXContext is one that every such PBX has, with the extension s.
	freePBXContext = "macro-user-callerid"
	// freePBXGroupContext is where several lines are dialled at once: for a ring group or follow-me.
	freePBXGroupContext = "macro-dial"

	varNumberWish  = "CALLINGNUMPRES_SV"
	varNameWish    = "CALLINGNAMEPRES_SV"
	varDestination = "NODEST"
	varCalled      = "EXTTOCALL"
)
