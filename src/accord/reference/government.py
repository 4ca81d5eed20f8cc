"""The domains under which only a state registers names: government, armed forces, courts, parliaments, police.

Two sources. First, rules of the Public Suffix List: a second level `gov`, `gob`, `gouv`, `govt`, `gub` or `mil` under
a country's top level is a registry for that state alone. Second, the table below: what the list does not have, what
it hides behind a wildcard (`*.mm`), and the words that are no state's everywhere (`go.it` is the province of Gorizia,
`mi.us` Michigan). Local words stay out unless the registry reserves them for authorities.
A name is government if it is one of these domains or lies under one: `go.th.example.com` and `gov-my.com` are not.
"""

from collections.abc import Iterable

WORDS: frozenset[str] = frozenset({"gov", "gob", "gouv", "govt", "gub", "mil"})
"""Second levels that are a state's wherever the Public Suffix List has them under a country's top level."""

_TABLE = """
    AD govern.ad consellgeneral.ad policia.ad
    AG gov.ag
    AI gov.ai
    AM gov.am mil.am parliament.am police.am
    AO gv.ao
    AT gv.at bundesheer.at parlament.at polizei.at
    AW gobierno.aw gov.aw
    BE belgium.be fgov.be mil.be police.be vlaanderen.be wallonie.be
    BG egov.bg government.bg mod.bg mvr.bg parliament.bg president.bg
    BI gov.bi
    BJ gouv.bj
    BR def.br jus.br leg.br mp.br tc.br
    CA gc.ca canada.ca forces.ca parl.ca alberta.ca gnb.ca gov.ab.ca gov.bc.ca gov.mb.ca gov.nb.ca gov.nl.ca
       gov.ns.ca gov.nt.ca gov.nu.ca gov.on.ca gov.pe.ca gov.sk.ca gov.yk.ca gouv.qc.ca manitoba.ca novascotia.ca
       ontario.ca princeedwardisland.ca quebec.ca saskatchewan.ca yukon.ca
    CD gouv.cd
    CF gouv.cf
    CG gouv.cg
    CH admin.ch bger.ch ch.ch parlament.ch ag.ch ai.ch ar.ch be.ch bl.ch bs.ch fr.ch ge.ch gl.ch gr.ch ju.ch lu.ch
       ne.ch nw.ch ow.ch sg.ch sh.ch so.ch sz.ch tg.ch ti.ch ur.ch vd.ch vs.ch zg.ch zh.ch
    CI go.ci
    CK gov.ck
    CR go.cr
    CV gov.cv
    CW gobiernu.cw gov.cw
    CZ army.cz justice.cz mvcr.cz policie.cz psp.cz senat.cz vlada.cz
    DE bund.de bundesrat.de bundesregierung.de bundestag.de bundeswehr.de gov.de polizei.de
       baden-wuerttemberg.de bayern.de brandenburg.de bremen.de hessen.de niedersachsen.de nrw.de rlp.de saarland.de
       sachsen.de sachsen-anhalt.de schleswig-holstein.de thueringen.de
    DJ gouv.dj
    DK borger.dk fmn.dk forsvaret.dk ft.dk politi.dk stm.dk um.dk
    DZ mdn.dz
    EE eesti.ee mil.ee riigikogu.ee riik.ee valitsus.ee
    ER gov.er
    ES boe.es congreso.es guardiacivil.es juntadeandalucia.es policia.es senado.es
    EU europa.eu
    FI eduskunta.fi gov.fi mil.fi om.fi poliisi.fi suomi.fi um.fi valtioneuvosto.fi vm.fi
    FK gov.fk
    FM gov.fm
    FR assemblee-nationale.fr elysee.fr senat.fr service-public.fr
    GA gouv.ga
    GB gov.uk judiciary.uk mod.uk nhs.uk parliament.uk police.uk gov.scot parliament.scot gov.wales senedd.wales
       llyw.cymru senedd.cymru
    GG gov.gg
    GI mod.gi
    GL nanoq.gl naalakkersuisut.gl
    GM gov.gm
    GQ gob.gq
    GR army.gr hellenicparliament.gr mil.gr
    GW gov.gw
    HR gov.hr morh.hr mup.hr sabor.hr vlada.hr
    HU gov.hu kormany.hu mil.hu parlament.hu police.hu
    ID desa.id go.id
    IE garda.ie military.ie oireachtas.ie
    IL idf.il muni.il
    IM gov.im
    IN nic.in
    IS althingi.is government.is island.is logreglan.is stjornarradid.is
    IT camera.it carabinieri.it difesa.it esteri.it gdf.it giustizia.it governo.it poliziadistato.it senato.it
    JE gov.je
    JM gov.jm
    JP go.jp lg.jp metro.tokyo.jp
    KE go.ke
    KR go.kr
    KY gov.ky
    LI landtag.li llv.li
    LK police.lk
    LT kam.lt lrs.lt lrv.lt mil.lt policija.lt vrm.lt
    LU chd.lu etat.lu gouvernement.lu police.lu public.lu
    LV saeima.lv
    MC gouv.mc
    MD army.md gov.md parlament.md
    MH gov.mh
    MM gov.mm mil.mm
    MT gov.mt
    MU govmu.org
    MX ine.mx scjn.mx
    NC gouv.nc
    NE gouv.ne
    NL belastingdienst.nl defensie.nl government.nl mindef.nl overheid.nl politie.nl rechtspraak.nl rijksoverheid.nl
       rijksweb.nl tweedekamer.nl
    NO dep.no forsvaret.no herad.no kommune.no mil.no politiet.no regjeringen.no stat.no stortinget.no
    NP gov.np mil.np
    NU gov.nu
    NZ parliament.nz
    PF gov.pf presidence.pf
    PG gov.pg
    PH congress.ph
    PK gkp.pk gok.pk gop.pk gos.pk
    PL policja.pl
    PT exercito.pt gnr.pt marinha.pt parlamento.pt psp.pt
    PW go.pw
    RO cdep.ro gov.ro just.ro mapn.ro politiaromana.ro presidency.ro senat.ro
    RS vs.rs
    RU duma.ru fsb.ru gov.ru government.ru kremlin.ru mil.ru mos.ru xn--b1aew.xn--p1ai
    SE forsvarsmakten.se government.se mil.se polisen.se regeringen.se regeringskansliet.se riksdagen.se
    SI dz-rs.si gov.si mil.si policija.si sodisce.si
    SK gov.sk justice.sk mil.sk minv.sk mosr.sk nrsr.sk
    SM gov.sm
    SR gov.sr
    SZ gov.sz
    TC gov.tc
    TD gouv.td
    TG gouv.tg
    TH go.th mi.th
    TJ go.tj
    TR bel.tr gov.nc.tr pol.tr tsk.tr
    TV gov.tv
    TZ go.tz
    UG go.ug
    US gov mil fed.us dni.us nsn.us
    UZ gov.uz
    VA vatican.va
    VG gov.vg
    VU gov.vu
"""

_US_STATES = """
    ak al ar az ca co ct dc de fl ga hi ia id il in ks ky la ma md me mi mn mo ms mt nc nd ne nh nj nm nv ny oh ok or
    pa ri sc sd tn tx ut va vt wa wi wv wy
""".split()

_JP_PREFECTURES = """
    aichi akita aomori chiba ehime fukui fukuoka fukushima gifu gunma hiroshima hokkaido hyogo ibaraki ishikawa iwate
    kagawa kagoshima kanagawa kochi kumamoto kyoto mie miyagi miyazaki nagano nagasaki nara niigata oita okayama okinawa
    osaka saga saitama shiga shimane shizuoka tochigi tokushima tottori toyama wakayama yamagata yamaguchi yamanashi
""".split()


def _tabled() -> frozenset[str]:
    found = {word for word in _TABLE.split() if not word.isupper()}
    # RFC 1480, 2.1: state.<state>.us is the state's own; pref.<prefecture>.jp is JPRS's reserved geographic form
    found.update(f"state.{state}.us" for state in _US_STATES)
    found.update(f"pref.{prefecture}.jp" for prefecture in _JP_PREFECTURES)
    return frozenset(found)


TABLED: frozenset[str] = _tabled()
"""Government domains beside those that the Public Suffix List's rules give."""


def government_domains(rules: Iterable[str], country_levels: frozenset[str]) -> frozenset[str]:
    """All government domains: TABLED, and the `rules` of two labels or more that a word of WORDS begins.

    `rules` are plain ICANN rules of the Public Suffix List as A-labels, `country_levels` the top-level domains that
    are countries'.
    """
    derived = set()
    for rule in rules:
        first, dot, rest = rule.partition(".")
        if dot and first in WORDS and rest.rpartition(".")[2] in country_levels:
            derived.add(rule)
    return TABLED | derived
