"""Words of the invented sample: brands, product families and what people want them for.

A domain is a list of scenes. A scene is something people do; its families are what they need for it, so
that items of different families of a scene complement each other, and items of one family are alternatives.
family: (category, [names], [features])
"""

BRANDS = {
    "electronic": ["Norvik", "Talvane", "Brixelle", "Quandry", "Oster & Pell", "Lumahart", "Zephrin", "D'Arcel"],
    "clothing": ["Willowmere", "Castrelle", "Bramble & Fox", "Hadlow", "O'Keane", "Sunderly", "Marvoise", "Tindra"],
    "food": ["Old Fennel", "Harrowgate Mill", "Pip & Kernel", "Casa Brisol", "Mother Tully's", "Sundapple", "Tarn Valley",
             "Kubri"],
}

EXTRAS = {
    "electronic": ["Black", "Silver", "White, 2-Pack", "Retail Packaging", "Retail Box with 1 Year Warranty",
                   "Works with Windows and Mac", "Black/Red", "Newest Version", "Includes Cleaning Cloth & Pouch",
                   "Light Weight Travel Size", "Frustration Free Box", "Space Gray"],
    "clothing": ["Black, Medium", "Navy Blue", "Charcoal, X-Large", "Ivory, One Size", "Wine Red", "Olive, Small",
                 "Machine Washable", "Gift Boxed", "Plus Sizes Available", "Dark Brown", "Black & White", "Teal, Large"],
    "food": ["8 Ounce", "12-Ounce Bag (Pack of 6)", "16 oz", "Family Size", "Gluten Free", "No Artificial Colors & Flavors",
             "Pack of 3", "Certified Organic, 10 Ounce", "Kosher, 14 oz", "Resealable Pouch (Pack of 4)", "Gift Tin",
             "Value Pack of 12"],
}

ALTERNATIVES = ["different {0} to choose from", "comparing {0}", "looking for new {0}", "{0}", "a few {0}, one to keep",
                "several {0} in the same price range"]

SCENES = {
    "electronic": [
        ("Camera & Photo", ["photography on a trip", "starting out with a serious camera", "pictures of the baby, Café Lumière style"], {
            "camera": ("Digital Cameras", ["DSLR Camera Body", "Mirrorless Photo Kit", "18MP Digital SLR"], ["24 Megapixel CMOS Sensor", "3\" Articulating LCD", "Full HD 1080p Movie Mode", "ISO 100-12800"]),
            "lens": ("Lenses", ["50mm f/1.8 Prime Lens", "Telephoto Zoom 70-300mm", "Wide Angle Objective"], ["Multi-Coated Optics", "58mm Filter Thread", "Silent Autofocus Motor", "Image Stabilization"]),
            "bag": ("Bags & Cases", ["Padded Shoulder Bag", "Photo Backpack", "Holster Case"], ["Weatherproof Zippers & Rain Cover", "Adjustable Dividers", "Holds a Body plus Two Objectives", "Quick Side Access"]),
            "tripod": ("Tripods", ["60\" Aluminum Tripod", "Carbon Travel Stand", "Monopod with Swivel Foot"], ["3-Way Pan Head", "Quick Release Plate", "Bubble Level", "Folds to 17 Inches"]),
        }),
        ("Home Networking", ["WiFi for the whole house", "setting up a home network", "wiring the office — finally"], {
            "router": ("Routers", ["Dual Band Router", "AC1200 Gigabit Gateway", "Wireless N Access Point"], ["4 LAN Ports", "Parental Controls and Guest SSID", "Up to 867 Mbps", "Easy Browser Setup"]),
            "modem": ("Modems", ["DOCSIS 3.0 Cable Modem", "DSL Broadband Box", "8x4 Channel Modem"], ["Up to 343 Mbps Download", "Approved by Most Providers", "No Rental Fee", "Ethernet and USB Ports"]),
            "cable": ("Network Cables", ["Cat 6 Patch Cord 25 Feet", "RJ45 Snagless Lead", "Flat Ethernet Wire 50ft"], ["550 MHz Bare Copper", "Gold Plated Contacts", "Color Coded Set of 5", "Molded Strain Relief"]),
            "switch": ("Switches", ["8-Port Desktop Switch", "5 Port Gigabit Hub", "PoE Unmanaged Switch"], ["Fanless Metal Housing", "Plug & Play", "Auto MDI/MDIX", "Wall Mountable"]),
        }),
        ("Data Storage", ["backing up the photos", "more space for my files", "storage devices"], {
            "drive": ("External Drives", ["1TB Portable Drive", "2 Terabyte Desktop Disk", "USB 3.0 Backup Drive"], ["5400 RPM", "Bus Powered", "Automatic Backup Software", "Password Protection"]),
            "ssd": ("Solid State Drives", ["240GB SSD", "Solid State Disk 2.5\"", "mSATA Flash Module"], ["Up to 540MB/s Reads", "7mm Slim", "MLC NAND", "SATA III 6Gb/s"]),
            "stick": ("USB Flash Drives", ["64GB Thumb Drive", "Flash Stick 32 GB", "Retractable Memory Key"], ["Retractable Connector", "Key Ring Loop", "USB 3.0 up to 190MB/s", "Metal Casing"]),
            "enclosure": ("Enclosures", ["Hard Drive Enclosure", "Dual Bay Dock", "SATA to USB Adapter"], ["Tool Free Design", "UASP Support", "Aluminum Body", "Offline Clone Button"]),
        }),
        ("Headphones & Audio", ["music at the gym", "better sound on the go", "listening without bothering anybody"], {
            "over": ("Over-Ear", ["Over-Ear Headphones", "Noise Cancelling Headset", "Studio Monitor Cans"], ["40mm Drivers", "Memory Foam Cushions", "Detachable Cord", "20 Hours of Playback"]),
            "bud": ("In-Ear", ["In-Ear Earbuds", "Bluetooth Sport Earphones", "Sweatproof Buds"], ["Inline Mic & Remote", "3 Sizes of Silicone Tips", "Tangle Free", "IPX5 Rated"]),
            "player": ("MP3 Players", ["8GB MP3 Player", "Clip Music Player", "Hi-Res Audio Player"], ["FM Tuner and Voice Recorder", "microSD Slot", "15 Hour Battery", "1.8\" Color Screen"]),
            "case": ("Accessories", ["Hard Shell Earphone Case", "Zippered Pouch", "Carrying Case with Carabiner"], ["Mesh Inner Pocket", "Shock Absorbing EVA", "Fits Most Brands", "Pocket Size"]),
        }),
        ("Tablet Accessories", ["accessories for a new tablet", "making the tablet\nready for school", "protect my tablet"], {
            "cover": ("Cases & Sleeves", ["Folio Cover", "Slim Fit Stand Case", "Leather Sleeve"], ["for 7 Inch Tablets", "Auto Wake/Sleep", "Multi Angle Viewing", "Elastic Hand Strap"]),
            "film": ("Screen Protectors", ["Anti-Glare Screen Protector", "Tempered Glass Film", "HD Clear Shield"], ["9H Hardness", "Bubble Free Application", "3 Pack", "Scratch Resistant"]),
            "pen": ("Styluses", ["Capacitive Stylus", "Fine Point Touch Pen", "Fiber Tip Stylus Set"], ["Replaceable Tips", "Brass Barrel", "Pocket Clip", "for All Touch Screens"]),
            "keys": ("Keyboards", ["Bluetooth Keyboard", "Folding Wireless Keypad", "Ultra Thin Typing Dock"], ["Rechargeable Lithium Battery", "QWERTY Layout", "Up to 60 Hours Use", "Aluminum Finish"]),
        }),
        ("Car Electronics", ["gadgets for the car", "long drives with the family", "a new stereo, and everything to fit it"], {
            "gps": ("GPS", ["5-Inch GPS Navigator", "Trucker Navigation Unit", "Sat Nav with Maps"], ["Lifetime Map Updates", "Spoken Street Names", "Lane Guidance", "Preloaded North America"]),
            "mount": ("Mounts", ["Dashboard Friction Mount", "Suction Cup Holder", "Vent Clip Cradle"], ["360 Degree Rotation", "Bean Bag Base", "One Hand Release", "Non-Slip Feet"]),
            "dash": ("Dash Cameras", ["Dash Cam", "Rear View Backup Camera", "Vehicle Video Recorder"], ["Loop Recording", "Night Vision", "G-Sensor", "170 Degree Lens"]),
            "stereo": ("Car Stereo", ["Single DIN Receiver", "In-Dash CD Player", "6.5\" Coaxial Speakers"], ["4 x 50 Watts", "USB & AUX Input", "Removable Faceplate", "2-Way Tweeters"]),
        }),
        ("Television & Video", ["home theater", "watching films on the big screen", "cinéma à la maison"], {
            "tv": ("Televisions", ["40-Inch LED TV", "1080p HDTV", "Smart Television 32\""], ["120Hz Refresh", "Built-in Apps", "3 HDMI Inputs", "Slim Bezel"]),
            "wall": ("TV Mounts", ["Tilting Wall Bracket", "Full Motion Mount", "Articulating Arm"], ["for 26-55 Inch Displays", "VESA 400x400", "Holds 88 lbs", "Hardware Included"]),
            "hdmi": ("Video Cables", ["HDMI Cable 6 Feet", "High Speed A/V Lead", "Optical Toslink Cord"], ["Supports 3D & ARC", "24K Gold Plated Ends", "Braided Jacket", "Limited Lifetime Guarantee"]),
            "stream": ("Streaming", ["Streaming Stick", "Blu-ray Disc Player", "Media Box"], ["Dual Band Wireless", "Voice Remote", "1080p Upscaling", "500+ Channels"]),
        }),
        ("Desk & Computer", ["working from home", "a tidy desk for the student", "upgrade the old computer"], {
            "mouse": ("Mice", ["Wireless Mouse", "Vertical Ergonomic Mouse", "Trackball Pointer"], ["800/1200/1600 DPI", "Nano Receiver", "Side Buttons", "2 AA Cells Included"]),
            "board": ("Keyboards", ["Mechanical Keyboard", "Quiet Desktop Keys", "Compact Multimedia Typing Board"], ["Blue Switches", "Spill Resistant", "Backlit Keys", "Detachable Palm Rest"]),
            "screen": ("Monitors", ["24\" IPS Monitor", "27-Inch Widescreen Display", "LED Backlit Screen"], ["5ms Response", "DVI and VGA", "Height Adjustable", "1920x1080"]),
            "stand": ("Stands", ["Laptop Cooling Pad", "Monitor Riser Shelf", "Notebook Elevator"], ["Dual Fans", "Storage Drawer", "Steel Mesh", "Holds up to 44 Pounds"]),
        }),
        ("Power & Batteries", ["batteries", "never out of power when camping", "charging everything at once"], {
            "bank": ("Portable Power", ["10000mAh Power Bank", "External Battery Charger", "Solar Charging Panel"], ["2.1A Output", "LED Indicator", "Rugged & Drop Proof", "Two Devices at Once"]),
            "aa": ("Household Batteries", ["AA Rechargeable Cells", "AAA Alkaline 24 Count", "NiMH 2000mAh Set"], ["Pre-Charged", "Up to 2100 Cycles", "Low Self Discharge", "10 Year Shelf Life"]),
            "charger": ("Chargers", ["4-Bay Charger", "Wall Plug 5V", "Smart LCD Charging Station"], ["Foldable Prongs", "Overcharge Protection", "Individual Channels", "100-240V"]),
            "strip": ("Surge Protectors", ["Surge Protector", "6 Outlet Power Strip", "Rotating Tower"], ["1080 Joules", "4 Foot Line", "Widely Spaced for Adapters", "Circuit Breaker"]),
        }),
        ("Home Security", ["keeping an eye on the house", "security for the shop", "baby & pet watch"], {
            "ipcam": ("IP Cameras", ["Indoor IP Camera", "Outdoor Bullet Cam", "Pan/Tilt Network Cam"], ["Infrared up to 65ft", "Motion Alerts by E-mail", "Two-Way Talk", "H.264 Video"]),
            "nvr": ("Recorders", ["8-Channel DVR", "Network Recorder", "Surveillance Hub"], ["1TB Installed", "Remote Phone Viewing", "Real Time 960H", "VGA Out"]),
            "sensor": ("Sensors", ["Door and Window Alarm", "Motion Detector", "Glass Break Sensor"], ["120dB Siren", "Adhesive Backed", "Set of 4", "Pet Immune"]),
            "bell": ("Doorbells", ["Wireless Doorbell", "Video Intercom", "Chime Kit"], ["36 Melodies", "500 Foot Range", "Unlocks Remotely", "Weather Resistant Push Button"]),
        }),
    ],
    "clothing": [
        ("Running", ["running in the morning", "gear for my first marathon", "getting fit again"], {
            "shoe": ("Athletic Shoes", ["Women's Trail Trainers", "Cushioned Jogging Shoe", "Lightweight Racer"], ["Breathable Mesh Upper", "10mm Drop", "Reflective Heel", "Grippy Outsole"]),
            "short": ("Active Shorts", ["7\" Training Shorts", "Split Leg Runner's Short", "Compression Tights"], ["Hidden Key Pocket", "Moisture Wicking", "Flat Seams", "Built-in Brief"]),
            "sock": ("Athletic Socks", ["No-Show Socks", "Padded Crew Sock", "Toe Socks"], ["Arch Support", "6 Pairs", "Blister Guard", "Seamless Toe"]),
            "watch": ("Sport Watches", ["Digital Chronograph", "Sports Watch", "Heart Rate Wrist Monitor"], ["50 Lap Memory", "100m Water Resistant", "Resin Strap", "Countdown Timer"]),
        }),
        ("Wedding", ["going to a wedding", "bridesmaid outfit", "dressed up — for one evening"], {
            "gown": ("Dresses", ["Chiffon Evening Gown", "Floor Length Maxi", "Lace Cocktail Dress"], ["Sweetheart Neckline", "Ruched Bodice", "Hidden Back Zipper", "Fully Lined"]),
            "heel": ("Pumps", ["Satin Pumps", "Rhinestone Stiletto", "Peep Toe Platform"], ["3.5 Inch Heel", "Ankle Buckle", "Padded Footbed", "Shimmer Fabric"]),
            "clutch": ("Evening Bags", ["Beaded Clutch", "Envelope Purse", "Box Minaudiere"], ["Detachable Chain", "Magnetic Snap", "Crystal Clasp", "Inner Slip Pocket"]),
            "jewel": ("Jewelry", ["Teardrop Earrings", "Pearl Necklace Set", "Cubic Zirconia Bracelet"], ["Sterling Silver", "Rhodium Plated", "Nickel Free", "Lobster Claw"]),
        }),
        ("Beach", ["summer at the beach", "swimsuit", "a week in the sun, très chic"], {
            "suit": ("Swimwear", ["Halter Bikini Set", "One Piece Swimsuit", "Tankini Top"], ["Removable Pads", "Tummy Control", "UPF 50+", "Adjustable Ties"]),
            "cover": ("Cover-Ups", ["Crochet Cover-Up", "Sarong Wrap", "Sheer Kaftan Tunic"], ["Quick Dry", "Tassel Hem", "V-Neck", "Soft Rayon"]),
            "hat": ("Sun Hats", ["Floppy Straw Hat", "Wide Brim Visor", "Packable Fedora"], ["Chin Cord", "Grosgrain Ribbon Band", "Rolls Up", "4 Inch Brim"]),
            "flip": ("Sandals", ["Flip Flops", "Jelly Slide Sandal", "Braided Thong Shoe"], ["EVA Sole", "Water Friendly", "Arch Contour", "Textured Insole"]),
        }),
        ("Office", ["business clothes", "first day at the office", "interview outfit"], {
            "shirt": ("Dress Shirts", ["Men's Oxford Shirt", "Slim Fit Button-Down", "Non-Iron Poplin Shirt"], ["Spread Collar", "Wrinkle Resistant", "Chest Pocket", "Long Sleeve"]),
            "tie": ("Ties", ["Silk Necktie", "Skinny Tie", "Striped Bow Tie"], ["Hand Stitched", "58\" Long", "Woven Jacquard", "with Pocket Square"]),
            "trouser": ("Pants", ["Pleated Dress Pants", "Flat Front Trousers", "Straight Leg Slacks"], ["Expandable Waist", "Permanent Crease", "Stretch Gabardine", "Hook Closure"]),
            "belt": ("Belts", ["Leather Belt", "Reversible Dress Strap", "Braided Belt"], ["Brushed Nickel Buckle", "1 3/8\" Width", "Full Grain", "Single Loop"]),
        }),
        ("Winter", ["warm clothes for winter", "snow day with the kids", "for the ski\nholiday"], {
            "coat": ("Coats & Jackets", ["Hooded Down Parka", "Quilted Puffer Jacket", "Wool Pea Coat"], ["650 Fill Power", "Storm Cuffs", "Water Repellent Shell", "Faux Fur Trim"]),
            "boot": ("Boots", ["Insulated Snow Boot", "Shearling Bootie", "Duck Boots"], ["Rated to -25F", "Rubber Toe", "Side Zip", "Fleece Interior"]),
            "glove": ("Gloves", ["Touch Screen Gloves", "Knit Mittens", "Thermal Liners"], ["Leather Palm", "Elastic Wrist", "Thinsulated", "Ribbed Cuff"]),
            "scarf": ("Scarves & Hats", ["Infinity Scarf", "Cable Knit Beanie", "Cashmere Feel Muffler"], ["Pom Pom", "Fringed Ends", "72 Inches", "Stretchy & Soft"]),
        }),
        ("Everyday Tops", ["different style of tops", "clothes for the weekend", "layers for spring"], {
            "tee": ("Tees", ["Cotton V-Neck Tee", "Graphic T-Shirt", "Henley"], ["Tagless", "Pre-Shrunk", "Short Sleeve", "Side Seamed"]),
            "cardi": ("Sweaters", ["Open Front Cardigan", "Crewneck Sweater", "Shawl Collar Pullover"], ["Drape Hem", "Rib Knit", "Two Pockets", "Acrylic Blend"]),
            "jean": ("Jeans", ["Skinny Jeans", "Boot Cut Denim", "Relaxed Fit Dungaree"], ["Stone Wash", "5-Pocket Styling", "Mid Rise", "2% Spandex"]),
            "sneak": ("Sneakers", ["Canvas Sneaker", "Slip-On Plimsoll", "Classic Low Top"], ["Vulcanized Sole", "Metal Eyelets", "Cotton Laces", "Cushioned Collar"]),
        }),
        ("Costume", ["Halloween costume", "costume party, señorita and pirate", "theme party"], {
            "dressup": ("Costumes", ["Pirate Wench Costume", "Adult Vampire Outfit", "Fairy Princess Set"], ["Includes Headpiece", "3 Piece", "Velvet Trim", "Halloween Fancy Dress"]),
            "wig": ("Wigs", ["Long Curly Wig", "Bob Cut Hairpiece", "Synthetic Ringlets"], ["Adjustable Cap", "Heat Safe Fiber", "28\" Length", "Side Bangs"]),
            "hose": ("Hosiery", ["Fishnet Stockings", "Striped Thigh Highs", "Opaque Pantyhose"], ["Lace Top", "Reinforced Toe", "Back Seam", "Nylon"]),
            "mask": ("Masks", ["Masquerade Mask", "Venetian Half Face", "Feather Eye Mask"], ["Satin Ribbons", "Glitter Scrollwork", "Hand Painted", "Party Prop"]),
        }),
        ("Baby", ["clothes for the newborn", "baby shower present", "twins on the way!"], {
            "suit": ("Bodysuits", ["Infant Bodysuit", "Footed Sleeper", "Long Sleeve Onesie Set"], ["Snap Bottom", "5 Pack", "Expandable Shoulders", "0-3 Months"]),
            "bib": ("Bibs", ["Drool Bandana Bib", "Waterproof Feeder", "Terry Burp Cloth"], ["Absorbent Back", "Nickel-Free Snaps", "Set of 8", "Stain Proof"]),
            "bootie": ("Baby Shoes", ["Crochet Booties", "Soft Sole Crib Shoes", "Baby Moccasins"], ["Hook & Loop", "Suede Bottom", "Elastic Ankle", "First Walker"]),
            "blanket": ("Blankets", ["Muslin Swaddle", "Receiving Blanket", "Plush Stroller Throw"], ["47 x 47 Inches", "Bamboo Rayon", "Satin Edge", "Giraffe Print"]),
        }),
        ("Travel", ["packing for a long flight", "travel bags", "weekend away with hand luggage"], {
            "case": ("Luggage", ["21\" Spinner Carry-On", "Rolling Duffel", "Hardside Suitcase"], ["TSA Lock", "Telescopic Handle", "Expands 2 Inches", "Polycarbonate"]),
            "tote": ("Totes", ["Nylon Crossbody", "Canvas Tote", "Convertible Rucksack"], ["RFID Pocket", "Adjustable Strap", "Padded Laptop Sleeve", "Water Bottle Holder"]),
            "cube": ("Organizers", ["Packing Cubes", "Toiletry Kit", "Passport Wallet"], ["Mesh Panel", "Hanging Hook", "4 Sizes", "Zip Around"]),
            "pillow": ("Comfort", ["Neck Pillow", "Contoured Sleep Mask", "Compression Stockings"], ["Memory Foam", "Blackout", "15-20 mmHg", "Snap Closure"]),
        }),
        ("Workwear", ["working outdoors", "safety clothes for the building site", "tough stuff for the farm"], {
            "steel": ("Work Boots", ["Steel Toe Boots", "Logger Boot 8\"", "Composite Work Shoe"], ["Oil Resistant", "Electrical Hazard", "Goodyear Welt", "Triple Stitched"]),
            "bib": ("Overalls", ["Duck Bib Overalls", "Coverall", "Ripstop Cargo Pant"], ["Double Knee", "Hammer Loop", "12-Ounce Canvas", "Two Way Zip"]),
            "vest": ("Safety Vests", ["High Visibility Vest", "Class 2 Safety Jacket", "Reflective Tee"], ["Silver Tape", "Radio Pocket", "Neon Lime", "ANSI Rated"]),
            "wglove": ("Work Gloves", ["Cowhide Gloves", "Nitrile Dipped Grip", "Mechanic's Glove"], ["Reinforced Thumb", "Dozen", "Cut Level 3", "Safety Cuff"]),
        }),
    ],
    "food": [
        ("Breakfast", ["breakfast", "quick breakfast before school", "Sunday brunch with crème fraîche"], {
            "cereal": ("Cereal", ["Honey Oat Granola", "Crunchy Bran Flakes", "Muesli with Raisins"], ["Whole Grain", "5g Fiber", "Lightly Sweetened", "Toasted Almonds"]),
            "pancake": ("Mixes", ["Buttermilk Pancake Mix", "Belgian Waffle Batter", "Multigrain Griddle Mix"], ["Just Add Water", "Stone Ground", "Makes 30 Cakes", "No Preservatives"]),
            "syrup": ("Syrups", ["Grade A Maple Syrup", "Blueberry Topping", "Agave Nectar"], ["Amber", "Glass Jug", "Unrefined", "Squeeze Bottle"]),
            "oat": ("Oatmeal", ["Steel Cut Oats", "Instant Oatmeal", "Hot Wheat Porridge"], ["Apple & Cinnamon", "10 Packets", "Cooks in 3 Minutes", "Heart Healthy"]),
        }),
        ("Coffee", ["coffee", "Kaffeepause for the office", "everything for a good espresso"], {
            "pod": ("Single-Serve Capsules", ["Breakfast Blend K-Pods", "Single Serve Coffee Cups", "Espresso Capsules"], ["24 Count", "Light Roast", "Fair Trade", "for Pod Brewers"]),
            "bean": ("Whole Bean", ["Dark Roast Whole Bean", "Sumatra Coffee Beans", "Decaf Ground Arabica"], ["Shade Grown", "Low Acid", "Smoky Finish", "Small Batch"]),
            "creamer": ("Creamers", ["French Vanilla Creamer", "Hazelnut Coffee Whitener", "Half & Half Singles"], ["Non-Dairy", "50 Tubs", "Lactose Free", "Shelf Stable"]),
            "sweet": ("Sweeteners", ["Raw Cane Sugar Packets", "Stevia Sticks", "Caramel Barista Syrup"], ["Zero Calorie", "750ml with Pump", "200 Count", "Turbinado"]),
        }),
        ("Asian Kitchen", ["Asian food products", "sushi at home", "a pot of ramen, phở and the like"], {
            "noodle": ("Noodles", ["Rice Stick Noodles", "Instant Ramen Bowl", "Buckwheat Soba"], ["Spicy Kimchi Flavor", "Vermicelli Cut", "4 Servings", "Air Dried"]),
            "soy": ("Sauces", ["Soy Sauce", "Oyster Flavored Sauce", "Toasted Sesame Oil"], ["Naturally Brewed", "Less Sodium", "MSG Free", "Imported"]),
            "nori": ("Seaweed", ["Roasted Nori Sheets", "Wakame Flakes", "Furikake Rice Seasoning"], ["50 Sheets", "Sesame & Salmon", "Silver Grade", "Crispy Snack"]),
            "rice": ("Rice", ["Short Grain Sushi Rice", "Jasmine Rice", "Sticky Sweet Rice"], ["New Crop", "15 Pound", "Calrose", "Fragrant"]),
        }),
        ("Baking", ["baking cookies", "gluten free baking", "birthday cake"], {
            "flour": ("Flours", ["Almond Meal", "Unbleached Bread Flour", "Coconut Flour"], ["Super Fine", "Blanched", "High Protein", "Non-GMO"]),
            "choc": ("Chips", ["Semi-Sweet Chips", "Dutch Cocoa Powder", "White Baking Morsels"], ["60% Cacao", "Alkalized", "Dairy Free", "Mini Size"]),
            "extract": ("Extracts", ["Pure Vanilla Extract", "Almond Flavoring", "Madagascar Vanilla Paste"], ["Double Strength", "4 fl oz", "Alcohol Free", "Bourbon"]),
            "deco": ("Decorations", ["Rainbow Sprinkles", "Gel Food Coloring", "Fondant Icing"], ["12 Colors", "Nonpareils", "Ready to Roll", "Edible Glitter"]),
        }),
        ("Tea", ["tea time", "herbal teas for a cold", "presents for a tea lover"], {
            "black": ("Black Tea", ["English Breakfast Tea", "Earl Grey", "Darjeeling Loose Leaf"], ["100 Bags", "Bergamot", "Second Flush", "Full Bodied"]),
            "herb": ("Herbal Tea", ["Chamomile Infusion", "Peppermint Tisane", "Ginger Lemon Herbal"], ["Caffeine Free", "Soothing", "Individually Wrapped", "16 Sachets"]),
            "honey": ("Honey", ["Raw Clover Honey", "Wildflower Honeycomb", "Manuka Spread"], ["Unfiltered", "Bear Bottle", "UMF 15+", "Kettle Warmed"]),
            "biscuit": ("Biscuits", ["Shortbread Fingers", "Ginger Snaps", "Digestive Biscuits"], ["All Butter", "Traditional Recipe", "Dunkable", "Crisp Baked"]),
        }),
        ("Snacks", ["snacks for the movie night", "something salty", "road trip snacks"], {
            "chip": ("Chips", ["Kettle Chips", "Hummus Crisps", "Sweet Potato Crisps"], ["Sea Salt & Vinegar", "1-Ounce Bags", "40% Less Fat", "Jalapeño"]),
            "nut": ("Nuts", ["Roasted Cashews", "Wasabi Peas", "Trail Mix"], ["Lightly Salted", "Dry Roasted", "Cranberry & Pecan", "Heart Smart"]),
            "pop": ("Popcorn", ["Microwave Popcorn", "Caramel Corn", "White Cheddar Puffs"], ["Butter Lovers", "Whole Grain", "Air Popped", "Theater Style"]),
            "jerky": ("Jerky", ["Teriyaki Beef Jerky", "Turkey Sticks", "Peppered Biltong"], ["11g Protein", "Hickory Smoked", "Grass Fed", "Individually Sealed"]),
        }),
        ("Pasta", ["Italian dinner", "pasta night for six", "spaghetti alla \"nonna\""], {
            "pasta": ("Pasta", ["Durum Spaghetti", "Penne Rigate", "Quinoa Rotelle"], ["Bronze Cut", "Slow Dried", "Corn Based", "Al Dente in 9 Minutes"]),
            "sauce": ("Pasta Sauces", ["Marinara Sauce", "Basil Pesto", "Alfredo"], ["Vine Ripened Tomatoes", "24 oz Jar", "Roasted Garlic", "No Sugar Added"]),
            "oil": ("Olive Oil", ["Extra Virgin Olive Oil", "Balsamic Vinegar", "Truffle Infused Oil"], ["First Cold Press", "Dark Bottle", "Aged 12 Years", "Sicilian"]),
            "cheese": ("Cheese", ["Grated Parmesan", "Aged Romano Wedge", "Shelf Stable Pecorino"], ["24 Months", "Shaker Top", "Vegetarian Rennet", "Sheep's Milk"]),
        }),
        ("Pets & Kids Lunch", ["lunch box", "healthy things for the kids", "school lunches, nut free"], {
            "bar": ("Snack Bars", ["Fruit & Nut Bar", "Chewy Granola Bars", "Fig Oat Squares"], ["100 Calories", "Peanut Free", "Made with Dates", "18 Bars"]),
            "juice": ("Juices", ["Apple Juice Boxes", "Coconut Water", "Vegetable Blend"], ["100% Juice", "6.75 fl oz", "No Sugar", "Not from Concentrate"]),
            "fruit": ("Dried Fruit", ["Dried Mango Slices", "Fruit Leather", "Freeze Dried Strawberries"], ["Unsulfured", "Twists", "One Ingredient", "Vitamin C"]),
            "cracker": ("Crackers", ["Cheddar Crackers", "Pretzel Twists", "Brown Rice Crackers"], ["Real Cheese", "Snack Packs", "Baked Not Fried", "Sesame"]),
        }),
        ("Spices", ["Indian curry", "barbecue on the weekend", "stocking the spice rack"], {
            "curry": ("Curry", ["Madras Curry Powder", "Tikka Masala Paste", "Garam Masala"], ["Medium Heat", "Freshly Ground", "No Fillers", "Authentic Blend"]),
            "rub": ("Rubs", ["Mesquite Dry Rub", "Steak Seasoning", "Cajun Spice"], ["Award Winning", "Coarse Cut", "Smoky & Sweet", "Shaker Jar"]),
            "salt": ("Salt & Pepper", ["Pink Himalayan Salt", "Tellicherry Peppercorns", "Smoked Sea Salt"], ["Coarse", "Grinder", "Hand Harvested", "84 Minerals"]),
            "hot": ("Hot Sauce", ["Habanero Hot Sauce", "Chipotle Ketchup", "Chili Garlic Paste"], ["Scoville 5000", "Vinegar Based", "Glass Bottle", "Slow Burn"]),
        }),
        ("Candy", ["Halloween candy", "chocolate for everybody", "stocking fillers"], {
            "bar": ("Chocolate", ["Dark Chocolate Bar", "Milk Chocolate Truffles", "Hazelnut Pralines"], ["72% Cocoa", "Swiss Style", "Gift Assortment", "Single Origin"]),
            "gummy": ("Gummies", ["Gummi Bears", "Sour Worms", "Fruit Jellies"], ["5 Pound", "Real Pectin", "Twelve Flavors", "Gelatin Free"]),
            "hard": ("Hard Candy", ["Butterscotch Discs", "Peppermint Sticks", "Root Beer Barrels"], ["Individually Wrapped", "Old Fashioned", "Bulk", "Sugar Free"]),
            "gum": ("Gum", ["Spearmint Gum", "Bubble Gum Balls", "Cinnamon Mints"], ["Xylitol", "850 Count", "Long Lasting", "Pocket Tins"]),
        }),
    ],
}
