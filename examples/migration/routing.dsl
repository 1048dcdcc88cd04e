# Fabrikam moves from its old server to a hosted one; fabrikam.com is on both until the last mailbox has moved.

mta gate {
    target         exim
    hostname       gate.fabrikam.com
    address        198.51.100.25
    trust          10.20.0.0/16              # the offices, and the old server
    postmaster     helpdesk@fabrikam.com
    max-size       35MB                      # what the provider takes
    queue-lifetime 5d
}

# Nobody has a list of what is on the old server, so it is not complete here; but it is the end of the chain.
system legacy {
    address       10.20.0.5
    authoritative fabrikam.com
}

# The tenant at the provider. What it does not hold, it sends back to the gate.
system hosted {
    domain   fabrikam.mail.hosted.example
    address  203.0.113.40, 203.0.113.41
    forwards fabrikam.com to gate
}

shared domain fabrikam.com {
    unresolved via to-legacy verify          # the old server knows who is still there
}

connector to-legacy {
    to         legacy
    smart-host mail.corp.fabrikam.com
    tls        off                           # it never learnt it
}

connector to-hosted {
    to            hosted
    address-space fabrikam.mail.hosted.example
    smart-host    fabrikam-com.mx.hosted.example
    tls           verified
}

connector internet {
    address-space *
    dns
}

include "waves/*.dsl"

expect anna.berg@fabrikam.com -> anna.berg@fabrikam.mail.hosted.example via to-hosted
expect helpdesk@fabrikam.com to hosted
expect someone.else@fabrikam.com via to-legacy
expect someone@example.org from anyone rejected 5.7.1
