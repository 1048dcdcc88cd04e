# A university's mail switch.

mta mx {
    target         postfix
    hostname       mx.campus.example
    listen         0.0.0.0:25, [::]:25
    address        192.0.2.1
    trust          10.0.0.0/8, 198.51.100.0/24
    postmaster     mail-office@campus.example
    max-size       50MB
    queue-lifetime 4d
    subaddress     "+"
}

# Mail systems

system staff {
    account mail-office@campus.example
    account ada.l@campus.example, a.lovelace@campus.example
    account emmy.n@campus.example, e.noether@campus.example
}

system students {
    domain        student.campus.example
    accounts from "students.csv"
}

system lists {
    domain lists.campus.example
}

system departments {
    domain *.dept.campus.example
}

system physics {
    domain physics.dept.campus.example
}

system library {
    domain library.hosted.example
}

# What the Internet may send us

domain campus.example
domain student.campus.example

domain lists.campus.example {
    unresolved via to-lists verify           # the list manager knows its lists
}

relay domain *.dept.campus.example {
    verify
}

# Ways

connector to-staff {
    to          staff
    smart-host  balanced store1.campus.example, store2.campus.example
    tls         required
    concurrency 20
}

connector to-students {
    to         students
    smart-host students1.campus.example, students2.campus.example     # tried in order
    max-size   25MB
}

connector to-lists {
    to          lists
    smart-host  [10.0.5.5]:8024
    protocol    lmtp
    tls         off                          # the same machine room
    concurrency 5
}

connector to-departments {
    to            departments
    address-space *.dept.campus.example cost 10
    smart-host    gateway.dept.campus.example
}

connector to-physics {
    to            physics
    address-space physics.dept.campus.example
    smart-host    mail.physics.dept.campus.example:2525
}

connector to-library {
    to         library
    smart-host smtp.hosted.example:587
    tls        verified
    auth       campus-relay password file /etc/mailswitch/library.password
}

# The way out: two relays of the provider share it; the research network's takes over when neither answers.
connector provider {
    address-space  * cost 10
    smart-host     balanced out1.isp.example, out2.isp.example
    tls            required
    source-address 192.0.2.1
}

connector research-network {
    address-space  * cost 20
    smart-host     relay.research.example
    tls            verified
    source-address 192.0.2.1
}

# The library's desk has an address like everybody else's.
contact "Library desk" {
    primary   desk@library.hosted.example
    secondary library@campus.example, books@campus.example
}

contact "Physics secretariat" {
    primary   office@physics.dept.campus.example
    secondary physics@campus.example
}

expect ada.l+arxiv@campus.example to staff
expect library@campus.example -> desk@library.hosted.example via to-library
expect anyone@physics.dept.campus.example from anyone via to-physics
expect anyone@history.dept.campus.example from anyone via to-departments
expect someone@example.org via provider
