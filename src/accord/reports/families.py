"""What well-known malware families do, in one plain sentence each.

The sentences are ours, from the families' public descriptions in MITRE ATT&CK and Malpedia; a family that is
not listed gets a neutral sentence, never a guess.
"""

from accord.reports.words import Message, say

STEALS_BANKING = say("Steals access to bank accounts, often by changing what the victim's browser shows.")
STEALS_SECRETS = say("Steals saved passwords, browser sessions, mail accounts and wallets.")
RANSOMWARE = say("Encrypts files and demands a ransom; many such groups also copy the data first.")
SPAM = say("Sends spam, often with other malware attached.")
DDOS = say("Takes over routers, cameras and servers and uses them to flood others with traffic.")
REMOTE_CONTROL = say("Gives criminals remote control of the computer: files, camera, keyboard.")
LOADER = say("Opens the door: brings in other malware, in the end often ransomware.")
TOOL = say("A penetration-test tool that criminals abuse to control computers inside a network.")
WORM = say("Spreads by itself from computer to computer, and opens them to others.")
MINING = say("Uses the victim's computing power to make cryptocurrency.")
PROXY = say("Turns the victim's connection into a relay that hides other crimes.")
BRUTE_FORCE = say("Guesses passwords of servers and websites on the internet.")
WEBSITE = say("Sits in hacked websites and misleads or robs their visitors.")
MOBILE = say("Attacks telephones: reads messages and one-time codes, and covers banking apps with false screens.")
SPYING = say("Spies on chosen organisations over a long time.")
DESTROYS = say("Destroys data without a way back.")
HOSTING_BOTNET = say("Hides criminals' servers behind a changing crowd of infected computers.")
FRAUD = say("Clicks on advertisements in the background to cheat advertisers.")

FALLBACK = say("No short description is held for this name. Ask the hub if you need one.")

_BY_KIND: tuple[tuple[Message, str], ...] = (
    (
        STEALS_BANKING,
        (
            "bankpatch bebloh carberp citadel corebot cridex danabot dridex goznym gootkit grandoreiro gozi icedid "
            "isfb iceix kins kronos mekotio pandabanker qadars qakbot qbot ramnit retefe shylock sinowal sphinx tinba "
            "torpig trickbot ursnif vawtrak zeus gameover gameoverzeus zloader zbot neverquest dyre casbaneiro"
        ),
    ),
    (
        STEALS_SECRETS,
        (
            "agenttesla arkei azorult formbook lokibot lokipws lumma lummastealer lummac2 metastealer pony fareit "
            "predatorthethief raccoon raccoonstealer redline redlinestealer rhadamanthys snakekeylogger stealc vidar "
            "xloader hawkeye atomicstealer amos mysticstealer marsstealer risepro jester phemedrone typhon blackguard"
        ),
    ),
    (
        RANSOMWARE,
        (
            "akira alphv blackcat avaddon babuk blackbasta blackmatter cerber clop cl0p conti crylock cryptolocker "
            "cryptowall cuba darkside dharma crysis egregor gandcrab globeimposter hive jaff lockbit locky lorenz maze "
            "medusalocker nemty netwalker phobos play pysa qilin ragnarlocker ransomexx revil sodinokibi royal ryuk "
            "samsam snatch stop teslacrypt torrentlocker vicesociety wannacry wannacryptor zeppelin bianlian rhysida"
        ),
    ),
    (SPAM, "cutwail pushdo grum kelihos lethic necurs rustock waledac sendsafe tofsee srizbi xarvester asprox"),
    (
        DDOS,
        (
            "bashlite gafgyt mirai mozi moobot xorddos tsunami kaiten hajime reaper satori okiru fbot zerobot "
            "dofloo aesddos billgates elknot blackenergy dirtjumper drive madness optima pandora yoddos "
            "nitol sora owari josho hoaxcalls dark_nexus chaos enemybot fodcha v3g4 aisuru"
        ),
    ),
    (
        REMOTE_CONTROL,
        (
            "asyncrat avemaria warzone warzonerat bitrat blackshades cybergate darkcomet dcrat gh0strat ghostrat "
            "havex imminentmonitor jrat adwind adzok jsocket luminositylink nanocore netwire njrat bladabindi orcus "
            "orcusrat pcrat poisonivy plugx quasar quasarrat remcos remcosrat revengerat venomrat xtremerat xworm "
            "netsupport netsupportmanager limerat houdini wshrat strrat spynote sectoprat arechclient2 farfli"
        ),
    ),
    (
        LOADER,
        (
            "amadey andromeda gamarue bazarloader bazar bumblebee buerloader dofoil smokeloader simda emotet geodo "
            "heodo feodo gootloader guloader hancitor chanitor iceloader latrodectus matanbuchus nymaim onkods pikabot "
            "privateloader raspberryrobin sload socgholish fakeupdates squirrelwaffle systembc upatre "
            "dbatloader modiloader hijackloader idatloader darkgate d3fack batloader"
        ),
    ),
    (
        TOOL,
        (
            "beacon bruteratel bruteratelc4 cobaltstrike covenant deimosc2 empire havoc koadic merlin metasploit "
            "meterpreter mythic nighthawk poshc2 sliver villain supershell vshell viper "
        ),
    ),
    (
        WORM,
        (
            "conficker downadup kido sality virut brontok allaple ngrbot dorkbot palevo mariposa phorpiex "
            "nimda bagle mydoom neshta vobfus wapomi sdbot wannamine"
        ),
    ),
    (MINING, "xmrig coinminer kinsing lemonduck z0miner sysrv prometei watchdog teamtnt cryptominer"),
    (PROXY, "bunitu glupteba proxyback ngioweb socks5systemz faceless vpnfilter avrecon quadagent 911s5"),
    (BRUTE_FORCE, "fritzfrog goldbrute sshpsychos stantinko wpbruter ebury golang_bruteforcer"),
    (
        WEBSITE,
        (
            "balada balada_injector clearfake darkleech magecart parrottds ndsw eitest angler blackhole neutrino "
            "rigek nuclear webshell chinachopper wso r57 c99 wordpress_injection"
        ),
    ),
    (MOBILE, "anatsa anubis cerberus ermac flubot hydra joker octo sharkbot teabot triada hummingbad xenomorph hiddad"),
    (SPYING, "turla uroburos regin duqu flame sunburst shadowpad winnti icefog equation finfisher pegasus hackingteam"),
    (DESTROYS, "notpetya shamoon hermeticwiper whispergate caddywiper olympicdestroyer acidrain killdisk"),
    (HOSTING_BOTNET, "avalanche fastflux darkcloud sandiflux "),
    (FRAUD, "zeroaccess sirefef 3ve kovter methbot miuref boaxxe tdss alureon bamital"),
)

_SENTENCES: dict[str, Message] = {name: sentence for sentence, names in _BY_KIND for name in names.split()}


def what_it_does(family: str) -> Message:
    """One sentence on `family`, found by its name without case, spaces, dots and hyphens."""
    return _SENTENCES.get(_key(family), FALLBACK)


def _key(family: str) -> str:
    return "".join(character for character in family.casefold() if character.isalnum() or character == "_")
