//! LDIF as ldapsearch and ldifde write it.

use super::{ldif, mapped, same, show};
use mailswitch::directory::Format;

const LDAPSEARCH: &str = "\
# extended LDIF
#
# LDAPv3
# base <ou=people,dc=contoso,dc=com> with scope subtree
# filter: (objectClass=*) which is a long filter that was
  folded
version: 1

# ann, people, contoso.com
dn: cn=Ann Lee,ou=people,dc=contoso,dc=com
objectClass: inetOrgPerson
displayName:: QW5uIEzDqWU=
cn: Ann
targetAddress: SMTP:ann@unix.contoso.com
mail: ann@contoso.com
proxyAddresses: smtp:ann.lee.with.a.very.long.name.that.does.not.fit@con
 toso.com
proxyAddresses: X400:c=US;a= ;p=Org;o=Exchange;s=Lee;g=Ann;
proxyAddresses:: c210cDphbm4yQGNvbnRvc28uY29t
proxyAddresses: smtp:

dn:: Y249Qm9iLGRjPWNvbnRvc28sZGM9Y29t
mail;lang-en: bob@contoso.com
PROXYADDRESSES: SMTP:Bob.Best@contoso.com

dn: ou=people,dc=contoso,dc=com
objectClass: organizationalUnit

# search reference
ref: ldap://other/dc=contoso,dc=com

# search result
search: 2
result: 0 Success

# numResponses: 4
# numEntries: 3
";

#[test]
fn what_ldapsearch_prints() {
    let expected = "contact Ann Lée: ann@unix.contoso.com <- ann@contoso.com \
        ann.lee.with.a.very.long.name.that.does.not.fit@contoso.com~ ann2@contoso.com~
        account -: Bob.Best@contoso.com bob@contoso.com";
    same(ldif(LDAPSEARCH), expected);
    same(ldif(LDAPSEARCH.replace('\n', "\r\n")), expected);
}

#[test]
fn what_ldifde_writes() {
    same(
        ldif(
            "dn: CN=Ann,DC=contoso,DC=com\r\nchangetype: add\r\ncn: Ann\r\nproxyAddresses: SMTP:\"a b;c\"@contoso.com\r\n\
             proxyAddresses: smtp: a|b@contoso.com \r\n\r\n",
        ),
        "account Ann: \"a b;c\"@contoso.com a|b@contoso.com",
    );
}

#[test]
fn what_is_wrong_is_said_at_its_place() {
    for (file, expected) in [
        (
            "dn: a\nmail:< file:///etc/passwd\n",
            "2:1 directory::row: a value that is kept elsewhere is not read [mail:< file:///etc/passwd]",
        ),
        (
            "dn: a\njpegPhoto:< file:///x\n",
            "2:1 directory::row: a value that is kept elsewhere is not read [jpegPhoto:< file:///x]",
        ),
        (
            "dn: a\nchangetype: modify\nadd: mail\nmail: a@x.com\n-\n",
            "2:1 directory::row: the record is a change (`modify`), not an entry [changetype: modify]",
        ),
        (
            "dn: a\nchangetype: delete\n\ndn: b\nmail: b@x.com\n",
            "account -: b@x.com\n2:1 directory::row: the record is a change (`delete`), not an entry [changetype: delete]",
        ),
        ("dn: a\nmail: ann\n", "2:7 directory::row: `ann` is not an address [ann]"),
        ("dn: a\nmail:: !!\n", "2:8 directory::row: the value is not base64 of UTF-8 text [!!]"),
        ("dn: a\ncn:: /w==\nmail: a@x.com\n", "account -: a@x.com"),
        ("dn: a\nno colon\n", "2:1 directory::row: this line is not LDIF [no colon]"),
        ("dn: a\n\nmail: a@x.com\n", "3:1 directory::row: the entry has no name [mail: a@x.com]"),
        (
            "dn: a\ntargetAddress: a@x.com\ntargetAddress: b@x.com\n",
            "contact -: a@x.com <-\n3:16 directory::row: the entry has two addresses where one decides what it is [b@x.com]",
        ),
        (
            "root:x:0:0:root:/root:/bin/bash\n",
            "not a directory\n1:1 directory::invalid: the file is not LDIF [root:x:0:0:root:/root:/bin/bash]",
        ),
        ("", ""),
        ("# nothing\n\nversion: 1\n", ""),
        ("version: 1\ndn: a\nmail: a@x.com", "account -: a@x.com"),
    ] {
        same(ldif(file), expected);
    }
}

#[test]
fn attributes_can_be_mapped() {
    let columns = mapped("mailRoutingAddress", "mailLocalAddress");
    let entry =
        "dn: a\nmailroutingaddress: a@x.com\nmailLocalAddress: b@x.com\nmail: c@x.com\ntargetAddress: d@x.com\n";
    same(show(Format::Ldif, entry, &columns), "listed -: a@x.com b@x.com");
    same(
        show(Format::Ldif, "dn: a\nmail: c@x.com\n", &columns),
        "not a directory\n1:1 directory::invalid: no entry of the file has an attribute `mailRoutingAddress` [dn: a]",
    );
}
