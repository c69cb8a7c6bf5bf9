package spoken

// The words of codes, of our own choosing: common, of 3 to 10 letters, and any two of
// all 512 at least two letters apart, so that one that was typed wrong is found out.

// firstText are 256 words that describe.
const firstText = `
amber angry arctic autumn bamboo basic bitter blank blessed blue brave brief bronze brown busy calm careful
cedar cheap cheerful chilly civil classic clean clever clumsy cobalt common cool copper coral cosmic cotton
cozy cracked crazy creamy crimson crisp crooked crystal curly daily damp daring dark deep dense diamond
digital dirty dizzy double dusty eager early earthen elastic electric elegant empty endless equal exact faded
faint fair famous fancy fast feather fierce final flat fluffy foggy formal fragile frantic fresh friendly
frosty frozen full funny fuzzy gentle giant ginger glad glass global gloomy glossy golden good graceful grand
gray great green handy happy harsh hasty hazel healthy heavy helpful honest humble hungry indigo iron ivory
jolly juicy kind lavender lazy legal lemon level linen lively local lonely long loud lucky lunar magic maple
marble mellow merry mighty mild misty modern modest muddy narrow native neat nervous nimble noble noisy nylon
oaken odd open orange oval paper patient perfect pink plain pleasant polite popular portable prickly private
prompt proper proud purple quick quiet rapid rare ready rich rigid ripe robust rocky rosy rough round rugged
rural sacred salty satin secret shaggy sharp shiny short shy silent silken silver simple sincere sleepy
slender slippery slow smart smooth snowy soft solid sour spare spicy spotted stable steady steep sticky
strange striped sturdy subtle super sweet swift tall tame tender thin thirsty tidy timid tired topaz tropical
turquoise twisted upper urban useful usual vacant vague valid vanilla velvet violet vivid walnut warm weekly
whole wide witty wobbly wooden worthy young
`

// secondText are 256 things.
const secondText = `
acorn actor airport album alley almond anchor angel ankle answer antler apron artist atlas avocado badger
bakery balcony banana bandage banjo barrel basket battery beach beacon beard beaver bedroom beetle bicycle
biscuit blanket blossom boat bonfire bookshelf bottle boulder bracelet branch bridge broom brother brush
bucket buffalo building button cabbage cabin camel camera canal candle canoe canyon captain caravan cardinal
carpet castle cathedral cave ceiling cellar cereal chair chapel chariot cherry chimney chocolate cinema circle
citizen clarinet climber clock coconut coffee compass concert cookie corner costume cottage cousin cowboy
cradle crane crayon cricket crocodile cupboard curtain cushion cyclone dancer daughter desert detective dinner
doctor dolphin donkey doorbell dragon drawer dream drummer eagle earring elbow elephant elevator engine
envelope evening eyebrow factory falcon farmer faucet fiddle fireplace flamingo flute football forest fountain
fox freckle garage garden garlic gazelle giraffe glacier glove goblet gorilla grape hallway hammer harbor
harvest hedgehog highway hockey honey horizon horse hospital iceberg igloo insect island jacket jaguar
jellyfish jigsaw journal jungle kangaroo kayak kettle kitchen kitten ladder lagoon lantern laundry lawyer
leopard letter library lighthouse lizard lobster locket luggage machine magnet mailbox mammoth mango market
meadow medal melon mermaid mirror morning mosquito mushroom napkin necklace needle notebook nutmeg ocean
octopus office onion orchid ostrich otter oxygen oyster paddle painter pajamas pancake panda parade passport
peanut pebble pelican pencil penguin pepper piano picnic pigeon pillow pilot pirate planet plumber potato
prairie pumpkin puppet pyramid rabbit raccoon radio railway rainbow raisin ranger reindeer ribbon river robot
rooster sailor salad sandal sandwich scarf school scooter sculptor
`
