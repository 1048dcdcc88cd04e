#!/usr/bin/env python3
"""Writes the four exports of this example. The same names give the same files; run it in this folder."""

import base64
import random
import unicodedata

GIVEN = """Aaliyah Ågot Ana André Björn Carlos Chloé Dagny Eun-ji Fátima François Gülşen Hannah Iñaki Jürgen Kateřina Léa
Łukasz Mário Noor Ólafur Paweł Quentin Renée Siobhán Søren Tomáš Ulla Véronique Wanda Xavier Yasmin Zoë""".split()
FAMILY = """Abercrombie Acevedo Bäcker Çelik Dubois D'Angelo Eriksson Fernández Gruber Hansen İnan Johansson Køhler Lefèvre
MacDonald Müller Nowak O'Brien Østby Pérez Quist Rodríguez Šimek Strauß Thompson Úlfarsson van_Dijk Weiß Young Żak""".split()
ORG = "o=Adatum/ou=Exchange Administrative Group (FYDIBOHF23SPDLT)/cn=Recipients/cn="
LETTERS = str.maketrans({"ß": "ss", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "ı": "i", "_": ""})


def plain(text):
    """What an account name makes of a name."""
    text = unicodedata.normalize("NFD", text.translate(LETTERS))
    return "".join(c for c in text if c.isascii() and (c.isalnum() or c in "-'")).lower()


def people(rng):
    pairs = [(g, f) for g in GIVEN for f in FAMILY]
    rng.shuffle(pairs)
    seen = set()
    for given, family in pairs:
        name = f"{plain(given)}.{plain(family)}"
        if name not in seen:
            seen.add(name)
            yield given, family.replace("_", " "), name


def guid(rng):
    return f"{rng.getrandbits(128):032x}"


def x500(rng, name):
    return f"X500:/{ORG}{guid(rng)}-{name.split('.')[1]}"


def quoted(cells):
    return ",".join('"' + cell.replace('"', '""') + '"' for cell in cells)


def mailbox(rng, i, given, family, name):
    primary = f"{name}@adatum.com"
    short = plain(given)[0] + plain(family)
    values = [f"SMTP:{primary}", f"smtp:{short}{i}@adatum.com"]
    if i % 3 == 0:
        values.append(x500(rng, name))
    if i % 4 == 0:
        values.insert(0, f"SIP:{primary}")
    if i % 7 == 0:
        values.append(f"EUM:{20000 + i};phone-context=Adatum.local")
    if i % 10 == 0:
        values.append(f"X400:c=US;a= ;p=Adatum;o=Exchange;s={plain(family)};g={plain(given)};")
    if i % 25 == 0:
        values.append("smtp:")
    joined = {0: ";", 1: "; ", 2: ";"}[i % 3].join(values)
    return [f"{family}, {given}", primary, joined, f"corp.adatum.com/Staff/{given} {family}", "UserMailbox"]


def write_mailboxes(rng, staff):
    lines = ["#TYPE Selected.Microsoft.Exchange.Data.Directory.Management.Mailbox"]
    lines.append(quoted(["DisplayName", "PrimarySmtpAddress", "EmailAddresses", "Identity", "RecipientTypeDetails"]))
    lines += [quoted(mailbox(rng, i, *person)) for i, person in enumerate(staff)]
    with open("mailboxes.csv", "wb") as out:
        out.write(("\ufeff" + "\r\n".join(lines) + "\r\n").encode("utf-16-le"))


def contact(rng, i, given, family, name):
    target = f"{name}@unix.adatum.com"
    values = [f"SMTP:{target}", f"smtp:{name}@adatum.com"]
    if i % 2 == 0:
        values.append(f"smtp:{plain(family)}{i}@adatum.com")
    if i % 5 == 0:
        # The shared address was made the reply address: the target still leads.
        values = [v.lower() if v.startswith("SMTP:") else v for v in values]
        values[1] = values[1].replace("smtp:", "SMTP:")
    if i % 6 == 0:
        values.append(x500(rng, name))
    if i % 11 == 0:
        values.append("smtp:")
    separator = [";", " ", ", ", "|"][i % 4]
    primary = next(v[5:] for v in values if v.startswith("SMTP:"))
    return [f"{given} {family}", f"SMTP:{target}" if i % 9 else f" SMTP:{target} ", separator.join(values), primary]


def write_mail_contacts(rng, guests):
    lines = [quoted(["DisplayName", "ExternalEmailAddress", "EmailAddresses", "PrimarySmtpAddress"])]
    lines += [quoted(contact(rng, i, *person)) for i, person in enumerate(guests)]
    with open("mail-contacts.csv", "wb") as out:
        out.write(("\ufeff" + "\r\n".join(lines) + "\r\n").encode())


def attribute(name, value, width, end):
    """One LDIF line, in base64 where it must be, folded."""
    safe = value.isascii() and not value.startswith((" ", ":", "<")) and not value.endswith(" ")
    line = f"{name}: {value}" if safe else f"{name}:: {base64.b64encode(value.encode()).decode()}"
    first, rest = line[:width], line[width:]
    folded = [first] + [" " + rest[i : i + width - 1] for i in range(0, len(rest), width - 1)]
    return end.join(folded) + end


def write_ad_contacts(rng, bought):
    """ldifde: CRLF, folded, `changetype: add`, many attributes that are no business of ours."""
    text = ""
    for i, (given, family, name) in enumerate(bought):
        target = f"{name}@treyresearch.net"
        dn = f"CN={given} {family},OU=Trey Research,OU=Contacts,DC=corp,DC=adatum,DC=com"
        lines = [("dn", dn), ("changetype", "add"), ("objectClass", "top"), ("objectClass", "person")]
        lines += [("objectClass", "organizationalPerson"), ("objectClass", "contact"), ("cn", f"{given} {family}")]
        lines += [("sn", family), ("givenName", given), ("displayName", f"{given} {family} (Trey Research)")]
        lines += [("whenCreated", f"2024{i % 12 + 1:02}0{i % 9 + 1}093{i % 10}12.0Z"), ("uSNCreated", str(184467 + 7 * i))]
        lines += [("proxyAddresses", x500(rng, name))]
        lines += [("proxyAddresses", f"smtp:{name}@adatum.com"), ("proxyAddresses", f"SMTP:{target}")]
        if i % 4 == 0:
            lines.append(("proxyAddresses", f"smtp:{name.replace('.', '_')}@adatum.com"))
        if i % 8 == 0:
            lines.append(("proxyAddresses", f"x400:c=US;a= ;p=Adatum;o=Exchange;s={plain(family)};"))
        if i % 13 == 0:
            lines.append(("proxyAddresses", "smtp: "))
        lines += [("legacyExchangeDN", f"/{ORG}{guid(rng)}"), ("mailNickname", name), ("mail", f"{name}@adatum.com")]
        lines += [("targetAddress", f"SMTP:{target}"), ("internetEncoding", "1310720")]
        text += "".join(attribute(n, v, 77, "\r\n") for n, v in lines) + "\r\n"
    with open("ad-contacts.ldif", "wb") as out:
        out.write(text.encode())


def write_unix_people(guests):
    """ldapsearch: LF, comments, folded at 78; the shared address first, which makes it the primary one."""
    text = "# extended LDIF\n#\n# LDAPv3\n# base <ou=people,dc=unix,dc=adatum,dc=com> with scope subtree\n"
    text += "# filter: (objectClass=inetOrgPerson)\n# requesting: cn mail description\n#\n\n"
    for i, (given, family, name) in enumerate(guests):
        uid = f"{plain(given)[0]}{plain(family)}{i}"
        text += f"# {uid}, people, unix.adatum.com\n"
        text += attribute("dn", f"uid={uid},ou=people,dc=unix,dc=adatum,dc=com", 78, "\n")
        text += attribute("cn", f"{given} {family}", 78, "\n")
        if i % 6 == 0:
            note = f"Building {i % 5 + 1}, room {100 + i}; badge lost and replaced, telephone forwarded to the front desk"
            text += attribute("description", note, 78, "\n")
        for mail in (f"{name}@adatum.com", f"{name}@unix.adatum.com"):
            text += attribute("mail", mail, 78, "\n")
        text += "\n"
    text += f"# search result\nsearch: 2\nresult: 0 Success\n\n# numResponses: {len(guests) + 1}\n# numEntries: {len(guests)}\n"
    with open("unix-people.ldif", "wb") as out:
        out.write(text.encode())


def main():
    rng = random.Random(20260101)
    everybody = list(people(rng))
    staff, guests, bought = everybody[:180], everybody[180:300], everybody[300:370]
    write_mailboxes(rng, staff)
    write_mail_contacts(rng, guests)
    write_ad_contacts(rng, bought)
    write_unix_people(guests)


if __name__ == "__main__":
    main()
