// Made of internal/words/words.txt by go test ./internal/words -update: not to be edited.
export const wordlist = `
acid acorn actor adobe agent alarm album alpine amber anchor angle ankle
apple apron arctic arena armor arrow artist aspen atlas attic autumn avenue
bacon badge bagel baker ballet bamboo banjo barley barrel basil basket beacon
beaver bench berry bison blanket blossom boat bonnet border bottle branch bread
bridge bronze brush bucket buffalo bugle burger butter button cabin cactus camel
canal candle canoe canyon carbon cargo carpet castle cedar cellar cello chalk
cherry chess chimney cider cinema circus citrus clay cliff clover cobalt coconut
coffee comet compass copper coral corner cotton cousin coyote cradle crayon cricket
crystal curtain cymbal dagger dairy daisy dancer decade delta denim desert diamond
dinner doctor dolphin donkey dragon drawer drum eagle easel echo elbow elder
ember emerald engine envelope escape estate fabric falcon family farmer feather fender
ferry fiddle field finger flannel flute forest fossil fountain fox frost galaxy
gallop garden garlic gazelle ginger giraffe glacier glove goblet gold gospel granite
grape gravel guitar hammer harbor harvest hazel helmet herring hickory honey hornet
hotel hunter igloo indigo island ivory jacket jaguar jasmine jelly jewel jigsaw
journal jungle juniper kayak kernel kettle kitchen kitten ladder lagoon lantern laurel
lemon leopard lily linen lizard lobster locket lotus lumber magnet mango maple
marble market meadow melon mentor meteor mint mirror mitten monkey moose morning
mosaic motor mulberry museum mustard napkin nectar needle nickel noodle north nutmeg
oasis ocean olive onion orbit orchid organ otter oven oxygen oyster paddle
palace panda pebble pelican pepper piano pilot pirate planet plum pocket polar
potato prairie pumpkin puzzle`.trim().split(/\s+/);
